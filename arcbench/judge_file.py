"""`arcbench judge` and `arcbench score`: a file of completions becomes a file of judged ones.

What the input may be is told in `completion_files`. Each output line, in input order, is

    {"task_id", "outcome", "pairs": [{"split", "exact", "pixel"}],
     "reward": {"code", "ran", "exact", "pixel", "length", "total"}, "message", "seconds"}

and "deterministic" where a second run under other seeds was asked for.
A line that cannot be judged (not JSON, a key missing, an unknown task) is reported with its number
and has no output line. Both formats are a public contract: keys are added, never changed.
"""

import json
import time
from collections import Counter
from collections.abc import Callable, Iterator
from contextlib import closing, contextmanager, nullcontext
from dataclasses import dataclass, field
from pathlib import Path
from typing import IO, Any

from arcbench.completion_files import read_attempts
from arcbench.files import replacing
from arcbench.judge import Judge
from arcbench.rollouts import Rollout
from arcbench.tasks import TaskSet


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
    out: Path | None,
    *,
    tasks: TaskSet,
    judge: Judge,
    report: Callable[[str], None],
    progress: Callable[[int], None] = lambda n: None,
    on_rollout: Callable[[Rollout], None] = lambda r: None,
    reuse: bool = False,
) -> JudgeSummary:
    """Judge all completions of `source`; write `out`, if there is to be one, whole at the end.

    `report` is called with a sentence for each broken line, `progress` with the number of
    completions or broken lines that became done (both from another thread, too), `on_rollout` with
    each rollout in input order. Memory does not grow with the length of the file: a few thousand
    completions are held, for those that wait for a slow program before them. `reuse` is that of
    `Judge.flow`.
    """
    started = time.perf_counter()
    outcomes: Counter[str] = Counter()
    solved = undetermined = 0
    broken: list[int] = []

    def complain(message: str) -> None:
        broken.append(1)
        progress(1)
        report(message)

    attempts = read_attempts(source, tasks, complain)
    with (
        nullcontext() if out is None else _writing(out) as sink,
        closing(judge.flow(attempts, in_order=True, reuse=reuse)) as rollouts,
    ):
        for rollout in rollouts:
            outcomes[rollout.execution.outcome.value] += 1
            solved += rollout.solved
            undetermined += rollout.execution.deterministic is False
            if sink is not None:
                sink.write(json.dumps(judged_line(rollout), ensure_ascii=False) + "\n")
            on_rollout(rollout)
            progress(1)
    # A comprehensible end for an empty or wholly broken file: an empty output, and the counts.
    return JudgeSummary(
        judged=outcomes.total(),
        broken=len(broken),
        seconds=time.perf_counter() - started,
        outcomes=outcomes,
        solved=solved,
        undetermined=undetermined,
    )


@contextmanager
def _writing(out: Path) -> Iterator[IO[str]]:
    with replacing(out) as partial, partial.open("w", encoding="utf-8") as sink:
        yield sink
