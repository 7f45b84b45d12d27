"""What is known of tasks from what lies on disk: who solved them how often, by which programs.

Evaluations tell it by the columns of their parquet files, runs by the index of their rollouts, and
a checkout of arcbench has known-good programs of its own in `tests/programs/`.
"""

from collections import Counter
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Literal

import pyarrow as pa
import pyarrow.compute as pc
import pyarrow.parquet as pq

from arcbench.augment import Augmentation
from arcbench.rollout_index import RolloutIndex, RolloutRow
from arcbench.runs import RunStore

Kind = Literal["evaluation", "run", "shipped"]
SHIPPED = Path(__file__).resolve().parents[1] / "tests" / "programs"  # there in a checkout


@dataclass(frozen=True, kw_only=True, slots=True)
class TaskTally:
    """The judged samples of one task."""

    samples: int
    solved: int

    @property
    def has_signal(self) -> bool:
        """Whether some but not all samples solve it: only then its groups move a policy."""
        return 0 < self.solved < self.samples


@dataclass(frozen=True, kw_only=True, slots=True)
class Solution:
    """A program that solves a task, and where it was found."""

    code: str
    kind: Kind
    name: str  # of the evaluation or run; the file's where it is shipped
    place: str = ""  # in a run: step.group.index
    times: int = 1  # samples of the evaluation or run that wrote it
    augmented: bool = False  # it was shown the task turned, mirrored or recoloured, and solved that


def tallies(shards: Iterable[Path]) -> dict[str, TaskTally]:
    """Samples and solved ones of each task in an evaluation's files."""
    counts: dict[str, list[int]] = {}
    for shard in shards:
        table = pq.read_table(shard, columns=["task_id", "solved"])
        solved = pc.cast(table["solved"], pa.int64())
        sums = table.set_column(1, "solved", solved).group_by("task_id")
        for row in sums.aggregate([("solved", "count"), ("solved", "sum")]).to_pylist():
            found = counts.setdefault(row["task_id"], [0, 0])
            found[0] += row["solved_count"]
            found[1] += row["solved_sum"]
    return {task: TaskTally(samples=n, solved=k) for task, (n, k) in counts.items()}


def in_evaluation(name: str, shards: Iterable[Path], task_id: str) -> list[Solution]:
    """The different programs by which an evaluation solved a task, the most frequent first."""
    times: Counter[tuple[str, bool]] = Counter()
    for shard in shards:
        where = (pc.field("task_id") == task_id) & pc.field("solved")
        table = pq.read_table(shard, columns=["code", "augmentation"], filters=where)
        times.update(
            (row["code"], _changes(row["augmentation"]))
            for row in table.to_pylist()
            if row["code"] is not None
        )
    return [
        Solution(code=code, kind="evaluation", name=name, times=n, augmented=augmented)
        for (code, augmented), n in times.most_common()
    ]


def _changes(augmentation: Mapping[str, Any] | None) -> bool:
    return augmentation is not None and not Augmentation.from_dict(augmentation).is_identity


def in_run(
    run: RunStore, index: RolloutIndex, task_id: str, *, seen: set[str], limit: int = 3
) -> list[Solution]:
    """The most frequent programs by which a run solved a task, each at its newest rollout.

    At most `limit` rollouts are opened. Programs that are in `seen`, by the index's names of them,
    are passed over; what is found is added.
    """
    table = index.table()
    wanted = (pc.field("task_id") == task_id) & pc.field("solved")
    rows = [RolloutRow(**row) for row in table.filter(wanted).to_pylist()]
    times = Counter(row.program for row in rows)
    newest = {row.program: row for row in sorted(rows, key=lambda r: r.step)}
    found = []
    new = [(program, n) for program, n in times.most_common() if program not in seen]
    for program, n in new[:limit]:
        seen.add(program)
        row = newest[program]
        rollout = run.rollout(row.step, row.group, row.index)
        view = rollout.augmentation
        found.append(
            Solution(
                code=rollout.code or "",
                kind="run",
                name=run.name,
                place=f"{row.step}.{row.group}.{row.index}",
                times=n,
                augmented=view is not None and not view.is_identity,
            )
        )
    return found


def shipped(task_id: str, folder: Path = SHIPPED) -> list[Solution]:
    """The known-good program that lies in the checkout, if there is one."""
    there = {file.stem: file for file in folder.glob("*.py")}
    if task_id not in there:
        return []
    code = there[task_id].read_text(encoding="utf-8")
    return [Solution(code=code, kind="shipped", name=f"tests/programs/{there[task_id].name}")]


def distinct(found: Iterable[Solution], limit: int) -> list[Solution]:
    """The first of equal programs, those for the task as it is first; at most `limit`."""
    kept: dict[str, Solution] = {}
    for solution in sorted(found, key=lambda s: s.augmented):
        kept.setdefault(solution.code.strip(), solution)
    return list(kept.values())[:limit]
