"""`arcbench judge`: a file of completions becomes a file of judged ones.

Each input line is `{"task_id": str, "completion": str}`; other keys are left alone. Each output
line, in input order, is

    {"task_id", "outcome", "pairs": [{"split", "exact", "pixel"}],
     "reward": {"code", "ran", "exact", "pixel", "length", "total"}, "message", "seconds"}

and "deterministic" where a second run under other seeds was asked for.
A line that cannot be judged (not JSON, a key missing, an unknown task) is reported with its number
and has no output line. Both formats are a public contract: keys are added, never changed.
"""

import json
import time
from collections import Counter
from collections.abc import Callable, Iterable, Iterator
from dataclasses import dataclass, field
from itertools import islice
from pathlib import Path
from typing import Any

from arcbench.errors import UserError
from arcbench.files import replacing
from arcbench.judge import Attempt, Judge
from arcbench.policies.base import Completion
from arcbench.rollouts import Rollout
from arcbench.tasks import TaskSet

CHUNK = 2048  # lines in memory at a time: enough to keep every worker busy


@dataclass(frozen=True, kw_only=True, slots=True)
class JudgeSummary:
    """What `judge_file` did."""

    judged: int
    broken: int
    seconds: float
    outcomes: Counter[str] = field(default_factory=Counter)
    solved: int = 0
    undetermined: int = 0  # gave other outputs under other seeds, where that was checked

    @property
    def programs_per_s(self) -> float:
        """Completions judged a second, reading and writing included."""
        return self.judged / self.seconds if self.seconds else 0.0

    def __str__(self) -> str:
        counts = ", ".join(f"{name} {n}" for name, n in self.outcomes.most_common())
        line = (
            f"{self.judged} judged in {self.seconds:.1f} s ({self.programs_per_s:.0f} programs/s), "
            f"{self.solved} solved; outcomes: {counts or 'none'}"
        )
        if self.undetermined:
            line += f"; {self.undetermined} gave other outputs under other seeds"
        return f"{line}; {self.broken} broken lines" if self.broken else line


def judged_line(rollout: Rollout) -> dict[str, Any]:
    """The public form of one judged completion."""
    line: dict[str, Any] = {
        "task_id": rollout.task_id,
        "outcome": rollout.execution.outcome.value,
        "pairs": [
            {"split": p.split, "exact": p.exact, "pixel": round(p.pixel, 6)}
            for p in rollout.score.pairs
        ],
        "reward": {**rollout.reward.parts, "total": rollout.reward.total},
        "message": rollout.execution.message,
        "seconds": round(rollout.execution.seconds, 6),
    }
    if rollout.execution.deterministic is not None:
        line["deterministic"] = rollout.execution.deterministic
    return line


def judge_file(
    source: Path,
    out: Path,
    *,
    tasks: TaskSet,
    judge: Judge,
    report: Callable[[str], None],
    progress: Callable[[int], None] = lambda n: None,
) -> JudgeSummary:
    """Judge every line of `source` and write `out` whole at the end.

    `report` is called with a sentence for each broken line, `progress` with the number of lines
    that became done. Memory does not grow with the length of the file.
    """
    if not source.is_file():
        raise UserError(f"no such file: {source}")
    started = time.perf_counter()
    outcomes: Counter[str] = Counter()
    judged = broken = solved = undetermined = 0

    def complain(message: str) -> None:
        nonlocal broken
        broken += 1
        progress(1)
        report(message)

    with (
        replacing(out) as partial,
        partial.open("w", encoding="utf-8") as sink,
        source.open("rb") as lines,
    ):
        attempts = _attempts(enumerate(lines, start=1), source.name, tasks, complain)
        while chunk := list(islice(attempts, CHUNK)):
            found: dict[int, Rollout] = {}
            for i, rollout in judge.stream(chunk):
                found[i] = rollout
                progress(1)
            for i in range(len(chunk)):
                rollout = found[i]
                outcomes[rollout.execution.outcome.value] += 1
                solved += rollout.solved
                undetermined += rollout.execution.deterministic is False
                sink.write(json.dumps(judged_line(rollout), ensure_ascii=False) + "\n")
            judged += len(chunk)
        # A comprehensible end for an empty or wholly broken file: an empty output, and the counts.
    return JudgeSummary(
        judged=judged,
        broken=broken,
        seconds=time.perf_counter() - started,
        outcomes=outcomes,
        solved=solved,
        undetermined=undetermined,
    )


def _attempts(
    lines: Iterable[tuple[int, bytes]],
    name: str,
    tasks: TaskSet,
    complain: Callable[[str], None],
) -> Iterator[Attempt]:
    """The attempts of the lines that can be judged; `complain` hears of the others."""
    for number, line in lines:
        if not line.strip():
            continue
        try:
            yield _attempt(line, tasks)
        except UserError as error:
            complain(f"{name}:{number}: {error}")


def _attempt(line: bytes, tasks: TaskSet) -> Attempt:
    try:
        record = json.loads(line)
    # RecursionError: a line of ten thousand brackets is broken, too.
    except (ValueError, RecursionError) as error:
        raise UserError(f"not JSON: {error}") from error
    if not isinstance(record, dict):
        raise UserError(f"a JSON object is expected, not {type(record).__name__}")
    for key in ("task_id", "completion"):
        if not isinstance(record.get(key), str):
            raise UserError(f'needs a text "{key}"')
    return Attempt(
        task=tasks.task(record["task_id"]), completion=Completion(text=record["completion"])
    )
