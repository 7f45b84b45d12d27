"""What can be asked of a run's rollouts without opening them: a light index beside the files.

`rollouts/index.jsonl` has a line for each step, whose columns have an entry for each rollout:

    {"step": 3, "task_id": [...], "group": [...], "index": [...], "outcome": [...],
     "solved": [...], "reward": [...], "tokens": [...], "program": [...]}

The parquet files are what counts. A step that the index lacks (an older run, a kill between the two
writes) is read from its file, and a line whose file is gone is passed over.
"""

import json
import os
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field
from hashlib import blake2b
from pathlib import Path
from typing import Any, Literal

import pyarrow as pa
import pyarrow.compute as pc
import pyarrow.parquet as pq

from arcbench.errors import unknown
from arcbench.files import write_text
from arcbench.rollouts import Rollout

INDEX = "index.jsonl"
Order = Literal["newest", "best", "worst", "longest"]
ORDERS: dict[str, list[tuple[str, str]]] = {
    "newest": [("step", "descending")],
    "best": [("reward", "descending"), ("step", "descending")],
    "worst": [("reward", "ascending"), ("step", "descending")],
    "longest": [("tokens", "descending"), ("step", "descending")],
}
_PLACE = [("group", "ascending"), ("index", "ascending")]
_SCHEMA = pa.schema(
    [
        ("step", pa.int64()),
        ("task_id", pa.string()),
        ("group", pa.int32()),
        ("index", pa.int32()),
        ("outcome", pa.string()),
        ("solved", pa.bool_()),
        ("reward", pa.float64()),
        ("tokens", pa.int32()),
        ("program", pa.string()),
    ]
)


@dataclass(frozen=True, kw_only=True, slots=True)
class RolloutRow:
    """A rollout as a line of a table."""

    step: int
    task_id: str
    group: int
    index: int  # place within its group
    outcome: str
    solved: bool
    reward: float  # its total
    tokens: int  # of the completion
    program: str  # equal for equal programs; empty where there is none


@dataclass(frozen=True, kw_only=True, slots=True)
class RolloutFilter:
    """Which rollouts are wanted; what is None does not matter."""

    first_step: int | None = None
    last_step: int | None = None
    task_id: str | None = None
    outcome: str | None = None
    solved: bool | None = None
    min_reward: float | None = None
    max_reward: float | None = None

    def expression(self) -> Any:
        """As pyarrow filters tables; None: everything is wanted."""
        wanted = [
            (self.first_step, pc.field("step") >= self.first_step),
            (self.last_step, pc.field("step") <= self.last_step),
            (self.task_id, pc.field("task_id") == self.task_id),
            (self.outcome, pc.field("outcome") == self.outcome),
            (self.solved, pc.field("solved") == self.solved),
            (self.min_reward, pc.field("reward") >= self.min_reward),
            (self.max_reward, pc.field("reward") <= self.max_reward),
        ]
        found = None
        for value, condition in wanted:
            if value is not None:
                found = condition if found is None else found & condition
        return found


@dataclass(frozen=True, kw_only=True, slots=True)
class RolloutPage:
    """Some rows, and how many there are in all."""

    rows: tuple[RolloutRow, ...]
    total: int


def index_line(step: int, rollouts: Sequence[Rollout]) -> str:
    """The line of a step, with its end of line."""
    columns: dict[str, Any] = {
        "step": step,
        "task_id": [r.task_id for r in rollouts],
        "group": [r.group for r in rollouts],
        "index": [r.index for r in rollouts],
        "outcome": [r.execution.outcome.value for r in rollouts],
        "solved": [r.solved for r in rollouts],
        "reward": [r.reward.total for r in rollouts],
        "tokens": [len(r.completion.token_ids) for r in rollouts],
        "program": [_digest(r.code) for r in rollouts],
    }
    return json.dumps(columns, separators=(",", ":")) + "\n"


def rewind_index(folder: Path, step: int) -> None:
    """Forget the steps after `step`, and a torn line."""
    file = folder / INDEX
    if file.is_file():
        lines = _lines(file.read_bytes())
        write_text(file, "".join(json.dumps(c) + "\n" for c in lines if c["step"] <= step))


@dataclass(kw_only=True, slots=True)
class RolloutIndex:
    """The rollouts of one run, read as they come; `folder` is the run's `rollouts`."""

    folder: Path
    _steps: dict[int, Any] = field(default_factory=dict)  # step → pa.Table
    _all: Any = None  # all of them as one pa.Table
    _offset: int = 0
    _inode: int = 0

    def refresh(self) -> None:
        """Read what is new; a run that was rewound is read anew."""
        before = dict(self._steps)
        self._read_lines()
        there = {int(p.stem): p for p in self.folder.glob("*.parquet") if p.stem.isdecimal()}
        for step in self._steps.keys() - there.keys():
            del self._steps[step]
        for step in there.keys() - self._steps.keys():
            self._steps[step] = _table_of_file(there[step])
        if self._all is None or before != self._steps:
            tables = [self._steps[step] for step in self.steps]
            self._all = pa.concat_tables([_SCHEMA.empty_table(), *tables]).combine_chunks()

    @property
    def steps(self) -> list[int]:
        """The steps that have rollouts, in order."""
        return sorted(self._steps)

    def tasks(self) -> list[str]:
        """The tasks that were sampled, in the order of their ids."""
        return sorted(pc.unique(self.table()["task_id"]).to_pylist())

    def page(
        self,
        wanted: RolloutFilter | None = None,
        *,
        order: str = "newest",
        offset: int = 0,
        limit: int | None = 50,
    ) -> RolloutPage:
        """`limit` rows (None: all) from the place `offset` on. UserError for an unknown order."""
        if order not in ORDERS:
            raise unknown("order of rollouts", order, list(ORDERS))
        table = self.table()
        expression = (wanted or RolloutFilter()).expression()
        if expression is not None:
            table = table.filter(expression)
        places = pc.sort_indices(table, sort_keys=[*ORDERS[order], *_PLACE])
        shown = table.take(places[offset : None if limit is None else offset + limit])
        return RolloutPage(
            rows=tuple(RolloutRow(**row) for row in shown.to_pylist()), total=table.num_rows
        )

    def table(self) -> Any:
        """All rows as one pa.Table with the columns of `RolloutRow`, for who counts them."""
        if self._all is None:
            self.refresh()
        return self._all

    def _read_lines(self) -> None:
        try:
            handle = (self.folder / INDEX).open("rb")
        except FileNotFoundError:
            return
        with handle:
            stat = os.fstat(handle.fileno())
            if stat.st_ino != self._inode or stat.st_size < self._offset:
                self._inode, self._offset = stat.st_ino, 0
                self._steps.clear()
            handle.seek(self._offset)
            added = handle.read()
        added = added[: added.rfind(b"\n") + 1]
        self._offset += len(added)
        for columns in _lines(added):
            step, count = columns["step"], len(columns["task_id"])
            self._steps[step] = pa.table({**columns, "step": [step] * count}, schema=_SCHEMA)


def _lines(text: bytes) -> Iterator[dict[str, Any]]:
    """The content of each whole line."""
    yield from map(json.loads, text[: text.rfind(b"\n") + 1].splitlines())


def _table_of_file(path: Path) -> Any:
    """The same columns, of a step's rollouts themselves."""
    names = {"reward_total": "reward", "num_tokens": "tokens", "code": "program"}
    kept = ["step", "task_id", "group", "index", "outcome", "solved", *names]
    columns = pq.read_table(path, columns=kept).to_pydict()
    columns["code"] = [_digest(code) for code in columns["code"]]
    return pa.table({names.get(k, k): v for k, v in columns.items()}, schema=_SCHEMA)


def _digest(code: str | None) -> str:
    return "" if code is None else blake2b(code.encode(), digest_size=6).hexdigest()
