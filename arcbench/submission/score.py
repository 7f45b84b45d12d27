"""How many points a submission is worth where the solutions are known."""

from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from arcbench.errors import UserError
from arcbench.grids import to_lists
from arcbench.submission.validate import ATTEMPTS
from arcbench.tasks import load_tasks


@dataclass(frozen=True, kw_only=True, slots=True)
class SubmissionScore:
    """Which test outputs of each task one of the two attempts equals.

    `score` is ARC Prize's: the mean over the tasks of the share of a task's test outputs that are
    right (arcprize/arc-agi-benchmarking, scoring/scoring.py: `score_task`, `score_submission`).
    Kaggle's page "Evaluation" of ARC Prize 2024 and 2025 words it as the right test outputs
    divided by the number of test outputs, which is `output_rate`; but the leaderboard of 2025
    (24.03, 16.53, 12.64, 6.67 %) has only values that the mean over its 120 tasks can take. The
    two are equal where all tasks have equally many test inputs.
    """

    right: Mapping[str, tuple[bool, ...]]  # by task id, one a test output

    @property
    def score(self) -> float:
        """The mean over the tasks of the share of right test outputs, 0–1."""
        shares = [sum(tests) / len(tests) for tests in self.right.values() if tests]
        return sum(shares) / len(self.right) if self.right else 0.0

    @property
    def num_outputs(self) -> int:
        """Test outputs of all tasks."""
        return sum(len(tests) for tests in self.right.values())

    @property
    def right_outputs(self) -> int:
        """Test outputs that an attempt equals."""
        return sum(sum(tests) for tests in self.right.values())

    @property
    def output_rate(self) -> float:
        """Share of right test outputs, 0–1."""
        return self.right_outputs / self.num_outputs if self.num_outputs else 0.0

    @property
    def whole_tasks(self) -> int:
        """Tasks all of whose test outputs are right: the stricter count."""
        return sum(bool(tests) and all(tests) for tests in self.right.values())


def read_solutions(path: Path, challenges: Path) -> dict[str, list[Any]]:
    """The expected grids by task id, as lists, one for each test input.

    Raises UserError where a task of the challenges has none.
    """
    tasks = load_tasks(challenges, solutions=path)
    lacking = [t.id for t in tasks.values() if any(pair.output is None for pair in t.test)]
    if tasks.problems or lacking:
        why = [str(p) for p in tasks.problems] or [f"no solutions for task {t}" for t in lacking]
        more = f" (and {len(why) - 1} more)" if len(why) > 1 else ""
        raise UserError(f"{path} does not fit {challenges}: {why[0]}{more}")
    return {
        t.id: [to_lists(pair.output) for pair in t.test if pair.output is not None]
        for t in tasks.values()
    }


def score_submission(
    content: Mapping[str, list[dict[str, Any]]], solutions: Mapping[str, list[Any]]
) -> SubmissionScore:
    """Score the content of a valid submission: {task id: [{"attempt_1", "attempt_2"}, …]}."""
    return SubmissionScore(
        right={
            task_id: tuple(
                any(test[name] == expected for name in ATTEMPTS)
                for test, expected in zip(content[task_id], answers, strict=True)
            )
            for task_id, answers in solutions.items()
        }
    )
