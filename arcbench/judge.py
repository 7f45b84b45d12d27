"""From a completion to a judged rollout: code → execution → score → reward.

This is the only place that puts the parts together. Expected outputs never leave this process.
"""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass

from arcbench.augment import Augmentation
from arcbench.policies.base import Completion
from arcbench.prompts import Extraction, extract_code
from arcbench.rewards import RewardScheme
from arcbench.rollouts import Rollout
from arcbench.sandbox.types import Execution, Outcome, Program, ProgramRunner, failed
from arcbench.scoring import Score, score_pair
from arcbench.tasks import Task


@dataclass(frozen=True, kw_only=True, slots=True)
class Attempt:
    """A completion for a task, as the policy saw it (augmented where that was done)."""

    task: Task
    completion: Completion
    index: int = 0  # place within its group
    group: int = 0
    test_index: int = 0  # which test input the prompt showed
    augmentation: Augmentation | None = None
    messages_hash: str = ""


@dataclass(frozen=True, kw_only=True, slots=True)
class Started:
    """An attempt whose program runs while others are still being written."""

    attempt: Attempt
    code: str | None
    ended: Iterator[tuple[int, Execution]]  # of one program; asking waits for its end


@dataclass(frozen=True, kw_only=True, slots=True)
class Judge:
    """Runs and scores completions with one pool and one reward scheme."""

    pool: ProgramRunner
    scheme: RewardScheme

    def judge(
        self, attempts: Sequence[Attempt], *, run_id: str = "", step: int = 0
    ) -> list[Rollout]:
        """Judge all attempts; the rollouts come in the same order."""
        found: list[Rollout | None] = [None] * len(attempts)
        for i, rollout in self.stream(attempts, run_id=run_id, step=step):
            found[i] = rollout
        missing = [i for i, r in enumerate(found) if r is None]
        if missing:
            raise RuntimeError(f"the sandbox gave no result for attempts {missing}")
        return [r for r in found if r is not None]

    def stream(
        self, attempts: Sequence[Attempt], *, run_id: str = "", step: int = 0
    ) -> Iterator[tuple[int, Rollout]]:
        """Yield (place in `attempts`, rollout) as the programs finish."""
        extractions = [extract_code(a.completion.text) for a in attempts]
        places: list[int] = []
        programs: list[Program] = []
        for i, (attempt, extraction) in enumerate(zip(attempts, extractions, strict=True)):
            if extraction.code is None:
                execution = failed(
                    Outcome.NO_CODE, len(attempt.task.pairs), _why_no_code(attempt, extraction)
                )
                yield i, self._rollout(attempt, None, execution, run_id, step)
            else:
                places.append(i)
                programs.append(Program(code=extraction.code, inputs=attempt.task.inputs))
        if not programs:
            return
        for j, execution in self.pool.stream(programs):
            i = places[j]
            yield i, self._rollout(attempts[i], programs[j].code, execution, run_id, step)

    def start(self, attempt: Attempt) -> Started:
        """Hand in one attempt without waiting for it; `finish` judges it as `judge` would."""
        extraction = extract_code(attempt.completion.text)
        if extraction.code is None:
            execution = failed(
                Outcome.NO_CODE, len(attempt.task.pairs), _why_no_code(attempt, extraction)
            )
            return Started(attempt=attempt, code=None, ended=iter([(0, execution)]))
        program = Program(code=extraction.code, inputs=attempt.task.inputs)
        return Started(attempt=attempt, code=program.code, ended=iter(self.pool.stream([program])))

    def finish(self, started: Started, *, run_id: str = "", step: int = 0) -> Rollout:
        """Wait for a started attempt; may be called once for each."""
        for _, execution in started.ended:
            return self._rollout(started.attempt, started.code, execution, run_id, step)
        raise RuntimeError("the sandbox gave no result for an attempt")

    def _rollout(
        self, attempt: Attempt, code: str | None, execution: Execution, run_id: str, step: int
    ) -> Rollout:
        score = score_execution(attempt.task, execution)
        return Rollout(
            run_id=run_id,
            step=step,
            task_id=attempt.task.id,
            group=attempt.group,
            index=attempt.index,
            test_index=attempt.test_index,
            augmentation=attempt.augmentation,
            messages_hash=attempt.messages_hash,
            completion=attempt.completion,
            code=code,
            execution=execution,
            score=score,
            reward=self.scheme.reward(
                has_code=execution.outcome.has_code, score=score, code_chars=len(code or "")
            ),
        )


def score_execution(task: Task, execution: Execution) -> Score:
    """Compare every output with the expected one; pairs whose output is unknown are left out."""
    return Score(
        pairs=tuple(
            score_pair(grid, pair.output, split)
            for (split, pair), grid in zip(task.pairs, execution.grids, strict=True)
            if pair.output is not None
        )
    )


def _why_no_code(attempt: Attempt, extraction: Extraction) -> str:
    if attempt.completion.truncated and extraction.truncated:
        return "the length limit cut the completion before its code block ended"
    return extraction.reason
