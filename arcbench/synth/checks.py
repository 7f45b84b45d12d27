"""What a generated task must satisfy: it shows its rule, all of it, and no other one as well."""

import hashlib
import re
from collections import deque
from collections.abc import Sequence
from enum import StrEnum
from functools import lru_cache

import numpy as np

from arcbench.dsl import common
from arcbench.dsl.concepts._types import AnyArray, Array
from arcbench.grids import MAX_SIDE
from arcbench.synth.drafts import COLORS
from arcbench.synth.family import Draft
from arcbench.synth.inputs import has_any, same_cells
from arcbench.synth.programs import Steps, step_function
from arcbench.tasks import Task

Pairs = Sequence[tuple[Array, Array]]
# Black keeps its name, every other tie is decided the other way round.
REVERSED = np.array([0, 9, 8, 7, 6, 5, 4, 3, 2, 1])
_COLOR = re.compile(r"Color\.([A-Z]+)")


class Fault(StrEnum):
    """Why a drawn task is thrown away."""

    NO_GRID = "an input or output is no grid"
    TOO_LONG = "too few pairs fit into the prompt"
    UNCHANGED = "an output is its input"
    PLAIN = "all outputs are one plain colour"
    ONE_OUTPUT = "all outputs are the same"
    SAME_INPUT = "two inputs are the same"
    HIDDEN_COLOR = "no train pair shows a colour that the program names"
    IDLE_STEP = "a step changes nothing"
    AMBIGUOUS = "a more natural rule fits the train pairs as well"
    TIE = "the numbers of the colours decide"
    NO_DISGUISE = "the input does not come out of its disguise"


def is_grid(value: AnyArray) -> bool:
    """Whether an array is a grid of at most 30 a side with colours 0–9."""
    if value.ndim != 2 or not value.size or max(value.shape) > MAX_SIDE:
        return False
    if value.dtype == np.int64:  # without their sign negative numbers are large ones
        return bool(np.maximum.reduce(value.view(np.uint64), axis=None) <= 9)
    return value.dtype.kind in "iu" and value.min() >= 0 and value.max() <= 9


def find_fault(
    draft: Draft, train: Pairs, test: Pairs, tied: bool = False, apply: Steps | None = None
) -> Fault | None:
    """The first thing that is wrong with the pairs of a program; None for a good task.

    `tied`: also look whether ties between colours are decided by their numbers. `apply` knows what
    the steps made of the inputs when the pairs were drawn.
    """
    apply = Steps() if apply is None else apply
    if any(same_cells(a, b) for a, b in (*train, *test)):
        return Fault.UNCHANGED
    # Bars that differ in length, or grids that differ in colour, do show something.
    plain = all(a.shape == b.shape and not has_any(b != b[0, 0]) for a, b in train)
    if plain and len({int(b[0, 0]) for _, b in train}) == 1:
        return Fault.PLAIN
    if all(same_cells(b, train[0][1]) for _, b in train[1:]):
        return Fault.ONE_OUTPUT
    inputs = [(a.shape, a.tobytes()) for a, _ in (*train, *test)]
    if len(set(inputs)) < len(inputs):
        return Fault.SAME_INPUT
    named = {color for step in draft.steps for color in _named_colors(step)}
    if not all(any(has_any(grid == c) for pair in train for grid in pair) for c in named):
        return Fault.HIDDEN_COLOR
    if len(draft.steps) > 1 and not draft.preamble and not _steps_matter(draft, train, apply):
        return Fault.IDLE_STEP
    if draft.has_rival is not None:
        shown, asked = (_inputs_of_last_step(draft, pairs, apply) for pairs in (train, test))
        if draft.has_rival(shown, asked):
            return Fault.AMBIGUOUS
    if tied and not keeps_renaming(draft, (*train, *test), REVERSED):
        return Fault.TIE
    return None


@lru_cache(maxsize=32_768)
def _named_colors(step: str) -> frozenset[int]:
    return frozenset(getattr(common.Color, name) for name in _COLOR.findall(step))


def shown_colors(pairs: Pairs) -> set[int]:
    """The colours that occur in inputs or outputs."""
    counts = sum(np.bincount(grid.ravel(), minlength=10) for pair in pairs for grid in pair)
    return set(np.flatnonzero(counts).tolist())


def _steps_matter(draft: Draft, pairs: Pairs, apply: Steps) -> bool:
    """Whether leaving out any one of several steps changes the outputs of half of the pairs."""
    for skipped in range(len(draft.steps)):
        changed = 0
        for array, out in pairs:
            value = array
            for i, step in enumerate(draft.steps):
                if i != skipped:
                    value = apply(step, value)
                    # A step may get an input without its sense here; sizes could explode.
                    if max(value.shape) > MAX_SIDE:
                        break
            changed += not same_cells(value, out)
        if 2 * changed < len(pairs):
            return False
    return True


def _inputs_of_last_step(draft: Draft, pairs: Pairs, apply: Steps) -> list[Array]:
    found = []
    for array, _ in pairs:
        value = array
        for step in draft.steps[:-1]:
            value = apply(step, value)
        found.append(value)
    return found


def keeps_renaming(draft: Draft, pairs: Pairs, names: AnyArray) -> bool:
    """Whether the rule with its colours renamed (10,) gives the renamed outputs."""
    steps = [
        _COLOR.sub(lambda m: COLORS[names[getattr(common.Color, m[1])]], s) for s in draft.steps
    ]
    for array, out in pairs:
        value = names[array]
        for step in steps:
            value = step_function(step)(value)
        if not same_cells(value, names[out]):
            return False
    return True


def canonical_digest(task: Task) -> int:
    """64 bits that two tasks share if they differ in colour names (but black) or pair order only.

    The rule is not looked at: a task is what is shown of it.
    """
    digests = []
    for _, pair in task.pairs:
        grids = [pair.input] if pair.output is None else [pair.input, pair.output]
        names = np.zeros(10, dtype=np.int8)
        cells = np.concatenate([grid.ravel() for grid in grids])
        colors, first = np.unique(cells, return_index=True)
        order = [c for c in colors[np.argsort(first)].tolist() if c]
        names[order] = np.arange(1, len(order) + 1)
        shapes = bytes(side for grid in grids for side in grid.shape)
        digests.append(shapes + names[cells].tobytes())
    joined = b"|".join([*sorted(digests[: len(task.train)]), *digests[len(task.train) :]])
    return int.from_bytes(hashlib.blake2b(joined, digest_size=8).digest(), "little")


class Recent:
    """The digests of the last `window` tasks; about 100 bytes each."""

    def __init__(self, window: int) -> None:
        self._seen: set[int] = set()
        self._order: deque[int] = deque()
        self._window = window

    def is_new(self, digest: int) -> bool:
        """Whether no task of the window has this digest; it enters the window."""
        if digest in self._seen:
            return False
        self._seen.add(digest)
        self._order.append(digest)
        if len(self._order) > self._window:
            self._seen.remove(self._order.popleft())
        return True
