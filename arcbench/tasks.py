"""ARC tasks and where they come from.

`Pair`, `Task` and `TaskSet` are the values; `load_tasks` reads every source, with the readers of
`loaders`.
"""

from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from difflib import get_close_matches
from pathlib import Path

from arcbench.displayed import Displayed
from arcbench.errors import UserError, unknown
from arcbench.grids import Grid, fingerprint, same_grid
from arcbench.scoring import Split

SPLITS = ("training", "evaluation")
# The data sets that need no file, and their splits.
DATASETS: Mapping[str, tuple[str, ...]] = {"arc-agi-1": SPLITS, "arc-agi-2": SPLITS}


@dataclass(frozen=True, kw_only=True, slots=True, eq=False)
class Pair:
    """An input grid and, where it is known, its output."""

    input: Grid
    output: Grid | None = None

    def __eq__(self, other: object) -> bool:
        if not isinstance(other, Pair):
            return NotImplemented
        if not same_grid(self.input, other.input):
            return False
        if self.output is None or other.output is None:
            return self.output is other.output
        return same_grid(self.output, other.output)

    def __hash__(self) -> int:
        out = None if self.output is None else fingerprint(self.output)
        return hash((fingerprint(self.input), out))


@dataclass(frozen=True, kw_only=True, slots=True)
class Task(Displayed):
    """One puzzle: at least one train pair, all of them with outputs, and its test pairs."""

    id: str
    train: tuple[Pair, ...]
    test: tuple[Pair, ...]
    source: str = ""  # the data set, or the file, that it came from

    def __post_init__(self) -> None:
        if not self.train:
            raise UserError(f"task {self.id}: a task has at least one train pair")
        for i, pair in enumerate(self.train):
            if pair.output is None:
                raise UserError(f"task {self.id}: train pair {i} has no output")

    @property
    def pairs(self) -> tuple[tuple[Split, Pair], ...]:
        """All pairs with the split they belong to, train pairs first."""
        return (*(("train", p) for p in self.train), *(("test", p) for p in self.test))

    @property
    def inputs(self) -> tuple[Grid, ...]:
        """All inputs in the order of `pairs`."""
        return tuple(p.input for _, p in self.pairs)


@dataclass(frozen=True, kw_only=True, slots=True)
class LoadProblem:
    """A task, or a file, that could not be read."""

    file: str
    task_id: str  # empty where the file as a whole is broken
    message: str

    def __str__(self) -> str:
        where = f"{self.file}: {self.task_id}" if self.task_id else self.file
        return f"{where}: {self.message}"


@dataclass(frozen=True, kw_only=True)
class TaskSet(Mapping[str, Task], Displayed):
    """Tasks by id, in the order of their source; what could not be read is in `problems`."""

    name: str
    tasks: Mapping[str, Task]
    problems: tuple[LoadProblem, ...] = field(default=())

    def __getitem__(self, task_id: str) -> Task:
        return self.tasks[task_id]

    def __iter__(self) -> Iterator[str]:
        return iter(self.tasks)

    def __len__(self) -> int:
        return len(self.tasks)

    def task(self, task_id: str) -> Task:
        """The task of that id; UserError names close ids where there is none."""
        if task_id in self.tasks:
            return self.tasks[task_id]
        near = [i for i in self.tasks if task_id and task_id in i][:5]
        near += [i for i in get_close_matches(task_id, list(self.tasks), 5, 0.0) if i not in near]
        more = ["…"] if len(self) > 5 else []
        raise unknown(f"task of {self.name} ({len(self)} tasks)", task_id, [*near[:5], *more])


def load_tasks(
    dataset: str | Path, split: str | None = None, *, solutions: str | Path | None = None
) -> TaskSet:
    """Read a data set by its name or path; `arcbench.loaders.load_tasks` tells all forms."""
    # The readers build the values of this file.
    from arcbench import loaders

    return loaders.load_tasks(dataset, split, solutions=solutions)
