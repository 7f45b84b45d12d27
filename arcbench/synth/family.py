"""A concept family: how to draw a program of one kind, and inputs on which it makes sense."""

from collections.abc import Callable, Sequence
from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

RNG = np.random.Generator
Inputs = Sequence[npt.NDArray[np.int64]]
HasRival = Callable[[Inputs, Inputs], bool]  # of the train inputs and the test inputs


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
    # Whether another rule, at least as natural as the last step, fits the train inputs as well
    # and gives something else on a test input; the inputs are those of the last step.
    has_rival: HasRival | None = None


@dataclass(frozen=True, kw_only=True, slots=True)
class Family:
    """A named concept with its weight among the families."""

    name: str
    draw: Callable[[RNG], Draft]
    weight: float = 1.0
    first: bool = True  # may stand first in a composition (its input generator is used)
    second: bool = True  # may be applied to the output of another family
    # Whether ties between colours may come up, which the program decides by the colours' numbers.
    # Tasks in which they matter are thrown away: every rule is about colours, not about numbers.
    tied: bool = False
