"""Which grids the programs of a task drew for its test inputs, and how much speaks for each."""

from collections.abc import Iterator
from dataclasses import dataclass, field

import numpy as np

from arcbench.evaluation.record import Record
from arcbench.grids import Grid, GridError, as_grid

# Distinct answers that are kept of a task: at most 0.25 MB for each of its test inputs.
MAX_ANSWERS = 256

_Drawn = bytes  # a grid: its rows, its columns, its cells
_Answer = tuple[_Drawn | None, ...]  # what a program drew for each test input; None: no grid


@dataclass(frozen=True, kw_only=True, slots=True)
class Candidate:
    """A grid for one test input, and the programs that drew it."""

    grid: Grid
    right: bool  # one of them is right on all train pairs
    train_exact: int  # train pairs that the best of them are right on
    votes: int  # samples with a program among those best
    views: int  # different views of the task that those samples saw
    code_chars: int  # of the shortest program among those best


@dataclass(frozen=True, slots=True)
class _Support:
    """What speaks for a grid or an answer; `|` joins that of two, in any order."""

    train_exact: int  # of the best programs, which alone count in the next four
    votes: int
    views: int  # a bit for each
    pixel: float  # the greatest train pixel score
    minus_chars: int  # of the shortest, so that more is better

    def __or__(self, other: "_Support") -> "_Support":
        if self.train_exact != other.train_exact:
            return self if self.train_exact > other.train_exact else other
        return _Support(
            self.train_exact,
            self.votes + other.votes,
            self.views | other.views,
            max(self.pixel, other.pixel),
            max(self.minus_chars, other.minus_chars),
        )

    @property
    def by_votes(self) -> tuple[int, int, int]:
        """What the order is decided by first; the greater has more."""
        return (self.train_exact, self.votes, self.views.bit_count())


@dataclass(slots=True)
class _TaskBallots:
    seen: int = 0  # a bit for each sample
    num_train: int = 0
    answers: dict[_Answer, _Support] = field(default_factory=dict)

    def ranked(self) -> list[tuple[_Answer, _Support]]:
        """The answers, best first; a total order, so that it does not depend on who came first."""

        def strength(item: tuple[_Answer, _Support]) -> tuple[object, ...]:
            answer, support = item
            grids = tuple(drawn or b"" for drawn in answer)
            return (*support.by_votes, support.pixel, support.minus_chars, grids)

        return sorted(self.answers.items(), key=strength, reverse=True)


class Ballots:
    """Gathers records in any order, each counted once, and ranks the grids of each test input.

    First come the grids of the programs that are right on the most train pairs (so those that are
    right on all of them before all others), then those with more votes of such programs, then
    those drawn from more views of the task. Among equals those come together that one program
    drew for all test inputs, in the order of their train pixel score and of the programs' length.
    A grid's votes are the samples with such a program; sample j saw view j modulo `views`.

    Of a task at most 2 × MAX_ANSWERS different answers are kept: beyond that the weakest half is
    forgotten, with its votes.
    """

    def __init__(self, views: int = 1) -> None:
        self.views = max(1, views)
        self._tasks: dict[str, _TaskBallots] = {}

    def __iter__(self) -> Iterator[str]:
        return iter(self._tasks)

    def add(self, record: Record) -> bool:
        """Count a record; False where that sample of the task has been counted before."""
        task = self._tasks.setdefault(record.task_id, _TaskBallots())
        bit = 1 << record.index
        if task.seen & bit:
            return False
        task.seen |= bit
        task.num_train = record.num_train
        answer = tuple(_drawn(grid) for grid in record.test_outputs)
        if any(drawn is not None for drawn in answer):
            train = record.score.of(["train"])
            support = _Support(
                sum(p.exact for p in train.pairs),
                1,
                1 << record.index % self.views,
                train.pixel_rate,
                -record.code_chars,
            )
            known = task.answers.get(answer)
            task.answers[answer] = support if known is None else known | support
            if len(task.answers) > 2 * MAX_ANSWERS:
                task.answers = dict(task.ranked()[:MAX_ANSWERS])
        return True

    def samples(self, task_id: str) -> int:
        """How many samples of the task were counted."""
        task = self._tasks.get(task_id)
        return 0 if task is None else task.seen.bit_count()

    def candidates(self, task_id: str, test_index: int, most: int | None = None) -> list[Candidate]:
        """The different grids that were drawn for a test input, best first, `most` of them."""
        task = self._tasks.get(task_id)
        if task is None:
            return []
        found: dict[_Drawn, _Support] = {}
        place: dict[_Drawn, int] = {}  # of the best answer that the grid is in
        for i, (answer, support) in enumerate(task.ranked()):
            drawn = answer[test_index] if test_index < len(answer) else None
            if drawn is not None:
                found[drawn] = found[drawn] | support if drawn in found else support
                place.setdefault(drawn, i)
        order = sorted(found, key=lambda g: (*(-x for x in found[g].by_votes), place[g]))
        return [
            Candidate(
                grid=_grid(drawn),
                right=found[drawn].train_exact == task.num_train,
                train_exact=found[drawn].train_exact,
                votes=found[drawn].votes,
                views=found[drawn].views.bit_count(),
                code_chars=-found[drawn].minus_chars,
            )
            for drawn in order[:most]
        ]


def _drawn(grid: Grid | None) -> _Drawn | None:
    """The grid as bytes; None for what could not be handed in."""
    if grid is None:
        return None
    try:
        checked = as_grid(grid)
    except GridError:
        return None
    return bytes(checked.shape) + checked.tobytes()


def _grid(drawn: _Drawn) -> Grid:
    grid: Grid = np.frombuffer(drawn, dtype=np.int8, offset=2).reshape(drawn[0], drawn[1])
    return grid
