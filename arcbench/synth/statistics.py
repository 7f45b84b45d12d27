"""What tasks look like: sizes, pairs, colours, objects; the same measures for any set of tasks.

They show how far the procedural tasks are from the *training* tasks of ARC-AGI-1. Evaluation
tasks are never read here.
"""

from collections import defaultdict
from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass
from functools import cache
from types import MappingProxyType
from typing import Any

import numpy as np

from arcbench.dsl.concepts._components import things
from arcbench.dsl.concepts._types import AnyArray
from arcbench.grids import Grid
from arcbench.tasks import Task

# Tokens of the embedded policy's prompt beside the grids: a fixed text is one token.
FIXED_TOKENS = 9
PAIR_TOKENS = 2
MANY = 12  # objects; noise has hundreds, which say no more than that it is noise


def grid_tokens(grid: AnyArray) -> int:
    """Tokens of a grid for the embedded policy: a cell each, and one between rows."""
    rows, columns = grid.shape
    return int(rows * (columns + 1) - 1)


def prompt_tokens(task: Task) -> int:
    """Length of the embedded policy's prompt of the task's longest test input."""
    pairs = sum(
        grid_tokens(pair.input)
        + (0 if pair.output is None else grid_tokens(pair.output))
        + PAIR_TOKENS
        for pair in task.train
    )
    return pairs + max((grid_tokens(pair.input) for pair in task.test), default=0) + FIXED_TOKENS


def shape_relation(task: Task) -> str:
    """How the outputs' shapes follow from the inputs', over the train pairs."""
    shapes = [(p.input.shape, p.output.shape) for p in task.train if p.output is not None]
    if all(a == b for a, b in shapes):
        return "same"
    if all(b[0] <= a[0] and b[1] <= a[1] for a, b in shapes):
        return "smaller, fixed" if len({b for _, b in shapes}) == 1 else "smaller"
    if all(b[0] % a[0] == 0 and b[1] % a[1] == 0 for a, b in shapes):
        return "multiple"
    return "other"


def background(grid: Grid) -> int:
    """The most common colour; the smaller number of two."""
    return int(np.bincount(grid.ravel(), minlength=10).argmax())


def _objects(grid: Grid) -> str:
    wide = grid.astype(np.int64)
    found = len(things(wide, "same_color"))
    return str(found) if found < MANY else f"{MANY}+"


def _share(grid: Grid) -> int:
    """Tenths of the cells that have the background's colour."""
    return min(9, int(10 * np.bincount(grid.ravel(), minlength=10).max() / grid.size))


def _bin(value: int, edges: tuple[int, ...]) -> int:
    """The largest edge that the value reaches."""
    return max(edge for edge in edges if edge <= value)


_AREAS = (1, 10, 26, 50, 101, 145, 197, 257, 401, 577)
_TOKENS = (0, 200, 400, 600, 800, 1000, 1300, 1700, 2200, 2800, 3600, 5000)


def _inputs(task: Task) -> Iterable[Grid]:
    return (pair.input for _, pair in task.pairs)


def _outputs(task: Task) -> Iterable[Grid]:
    return (pair.output for _, pair in task.pairs if pair.output is not None)


def _each(
    grids: Callable[[Task], Iterable[Grid]], measure: Callable[[Grid], Any]
) -> Callable[[Task], list[Any]]:
    return lambda task: [measure(grid) for grid in grids(task)]


# Each measure gives the values of one task; a task has weight 1 however many grids it has.
MEASURES: Mapping[str, Callable[[Task], list[Any]]] = MappingProxyType(
    {
        "input cells": _each(_inputs, lambda grid: _bin(grid.size, _AREAS)),
        "output cells": _each(_outputs, lambda grid: _bin(grid.size, _AREAS)),
        "prompt tokens": lambda task: [_bin(prompt_tokens(task), _TOKENS)],
        "train pairs": lambda task: [min(len(task.train), 6)],
        "output shape": lambda task: [shape_relation(task)],
        "colours of an input": _each(_inputs, lambda grid: len(np.unique(grid))),
        "background": _each(_inputs, background),
        "tenths of background": _each(_inputs, _share),
        "objects of an input": _each(_inputs, _objects),
    }
)


@dataclass(frozen=True, kw_only=True, slots=True)
class Statistics:
    """Shares by value, for each measure; the shares of a measure sum to 1."""

    name: str
    num_tasks: int
    shares: Mapping[str, Mapping[Any, float]]

    def distance(self, other: "Statistics", measure: str) -> float:
        """Total variation in [0, 1]: the mass that is to be moved to make both equal."""
        mine, theirs = self.shares[measure], other.shares[measure]
        values = {*mine, *theirs}
        return sum(abs(mine.get(v, 0.0) - theirs.get(v, 0.0)) for v in values) / 2


def measured(name: str, tasks: Iterable[Task]) -> Statistics:
    """All measures of some tasks."""
    sums: dict[str, dict[Any, float]] = {measure: defaultdict(float) for measure in MEASURES}
    number = 0
    for task in tasks:
        number += 1
        for measure, values_of in MEASURES.items():
            values = values_of(task)
            for value in values:
                sums[measure][value] += 1 / len(values)
    shares = {
        measure: {v: c / number for v, c in sorted(found.items(), key=lambda x: value_order(x[0]))}
        for measure, found in sums.items()
    }
    return Statistics(name=name, num_tasks=number, shares=shares)


def value_order(value: Any) -> tuple[int, str]:
    """Sort key: numbers by size, words behind them."""
    text = str(value)
    return (int(text.rstrip("+")), "") if text.rstrip("+").isdigit() else (99, text)


@cache
def arc_training() -> Statistics:
    """The 400 training tasks of ARC-AGI-1."""
    from arcbench.tasks import load_tasks

    return measured("ARC-AGI-1 training", load_tasks("arc-agi-1", "training").values())
