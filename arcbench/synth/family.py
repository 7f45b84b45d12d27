"""A concept family: how to draw a program of one kind, and inputs on which it makes sense."""

from collections.abc import Callable
from dataclasses import dataclass, field

import numpy as np

from arcbench.grids import Grid

RNG = np.random.Generator


@dataclass(frozen=True, kw_only=True, slots=True)
class Draft:
    """One drawn program of a family, and a generator of inputs for it.

    `steps` are expressions in `grid` that name functions of `concepts` and `common`; the program
    is `def transform(grid)` with one line a step. A draft with one step can be composed with
    others; `draw_input(rng)` gives a fresh input grid (2-D int array, 1–30 a side, colours 0–9).
    """

    concepts: tuple[str, ...]  # for the "# concepts:" comment, for example ("symmetry", "crop")
    steps: tuple[str, ...]  # for example ("largest_object(grid)", "flip_horizontal(grid)")
    draw_input: Callable[[RNG], np.ndarray]
    # Extra lines between the imports and transform, for programs that need a helper function.
    preamble: str = ""


@dataclass(frozen=True, kw_only=True, slots=True)
class Family:
    """A named concept with its weight among the families."""

    name: str
    draw: Callable[[RNG], Draft]
    weight: float = 1.0
    first: bool = True  # may stand first in a composition (its input generator is used)
    second: bool = True  # may be applied to the output of another family
    tags: tuple[str, ...] = field(default=())


@dataclass(frozen=True, kw_only=True, slots=True)
class SynthPair:
    """A generated pair: the output is what the program gave."""

    input: Grid
    output: Grid
