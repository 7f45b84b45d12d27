"""From ballots to the file that is handed in: two attempts for every test input of every task."""

import json
from collections import Counter
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass
from enum import StrEnum
from pathlib import Path
from typing import Any

import numpy as np

from arcbench.files import write_text
from arcbench.grids import MAX_SIDE, Grid, as_grid, same_grid, to_lists
from arcbench.submission.ballots import Ballots
from arcbench.submission.challenges import Challenges
from arcbench.tasks import Task


class Source(StrEnum):
    """Where a first attempt comes from."""

    RIGHT = "a program that is right on all train pairs"
    PARTIAL = "a program that is not"
    FALLBACK = "no program: a guess by the shapes of the task"


@dataclass(frozen=True, kw_only=True, slots=True, eq=False)
class Attempts:
    """The two grids for one test input; they differ."""

    first: Grid
    second: Grid
    source: Source

    def to_dict(self) -> dict[str, list[list[int]]]:
        """As Kaggle wants it."""
        return {"attempt_1": to_lists(self.first), "attempt_2": to_lists(self.second)}


@dataclass(frozen=True, kw_only=True, slots=True)
class Submission:
    """Attempts for every task of the challenges, one for each of its test inputs."""

    tasks: Mapping[str, tuple[Attempts, ...]]

    @property
    def num_test_inputs(self) -> int:
        """Of all tasks."""
        return sum(len(attempts) for attempts in self.tasks.values())

    def count(self, source: Source) -> int:
        """Tasks by the source of their first attempts: right on all, no program, or mixed."""
        return sum(_source_of(attempts) is source for attempts in self.tasks.values())

    def to_dict(self) -> dict[str, Any]:
        """The JSON object of the file."""
        return {task_id: [a.to_dict() for a in tests] for task_id, tests in self.tasks.items()}


def _source_of(attempts: Iterable[Attempts]) -> Source:
    sources = {a.source for a in attempts} or {Source.FALLBACK}
    return sources.pop() if len(sources) == 1 else Source.PARTIAL


def build_submission(challenges: Challenges, ballots: Ballots) -> Submission:
    """Two attempts for every test input: the two best candidates, then the fallback's guesses."""
    return Submission(
        tasks={
            task_id: attempts_of(challenges, ballots, task_id) for task_id in challenges.num_tests
        }
    )


def attempts_of(challenges: Challenges, ballots: Ballots, task_id: str) -> tuple[Attempts, ...]:
    """The attempts of one task."""
    task = challenges.tasks.get(task_id)
    return tuple(_attempts(task, ballots, task_id, i) for i in range(challenges.num_tests[task_id]))


def _attempts(task: Task | None, ballots: Ballots, task_id: str, test_index: int) -> Attempts:
    best = ballots.candidates(task_id, test_index, most=2)
    source = Source.FALLBACK
    if best:
        source = Source.RIGHT if best[0].right else Source.PARTIAL
    chosen = [c.grid for c in best]
    for guess in _guesses(task, test_index):
        if len(chosen) == 2:
            break
        if not any(same_grid(guess, grid) for grid in chosen):
            chosen.append(guess)
    return Attempts(first=chosen[0], second=chosen[1], source=source)


def _guesses(task: Task | None, test_index: int) -> Iterator[Grid]:
    """Grids for a test input that no program drew one for, at least three different ones.

    Where all train outputs have the shape of their inputs: the test input itself, then it mirrored.
    Else in the shape that the train pairs suggest (the same multiple of the input, or the commonest
    output shape): what most train outputs of that shape have in each cell. Then that shape in the
    commonest colour of the outputs. They hardly ever score; they are always valid grids.
    """
    if task is not None:
        outputs = [pair.output for pair in task.train if pair.output is not None]
        grid = task.test[test_index].input
        if all(p.output is not None and p.output.shape == p.input.shape for p in task.train):
            yield grid
            yield as_grid(grid[:, ::-1])
            shape = grid.shape
        else:
            shape = _suggested_shape(task, grid)
            alike = [out for out in outputs if out.shape == shape]
            if alike:
                counts = np.stack([sum(out == c for out in alike) for c in range(10)])
                yield as_grid(counts.argmax(axis=0))
        colors = np.bincount(np.concatenate([out.ravel() for out in outputs]), minlength=10)
        yield as_grid(np.full(shape, colors.argmax()))
    for color in range(3):
        yield as_grid([[color]])


def _suggested_shape(task: Task, grid: Grid) -> tuple[int, ...]:
    shapes = [
        (pair.input.shape, pair.output.shape) for pair in task.train if pair.output is not None
    ]
    ratios = {(o[0] / i[0], o[1] / i[1]) for i, o in shapes}
    if len(ratios) == 1:
        down, across = ratios.pop()
        shape = (round(grid.shape[0] * down), round(grid.shape[1] * across))
        if all(1 <= side <= MAX_SIDE for side in shape):
            return shape
    counts = Counter(out for _, out in shapes)
    return max(counts, key=lambda shape: (counts[shape], shape))


def write_submission(path: Path, submission: Submission) -> None:
    """Write the file whole or not at all: whoever looks meets the old or the new one."""
    write_text(path, json.dumps(submission.to_dict()) + "\n")
