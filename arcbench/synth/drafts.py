"""Short ways to write down a family."""

from collections.abc import Callable, Sequence

import numpy as np

from arcbench.synth.family import RNG, Draft, Family, HasRival, Inputs
from arcbench.synth.inputs import Draw, any_grids, draw_style, pick
from arcbench.synth.programs import step_function

DrawInputs = Callable[[RNG], Draw]
COLORS = (
    "Color.BLACK", "Color.BLUE", "Color.RED", "Color.GREEN", "Color.YELLOW",
    "Color.GRAY", "Color.PINK", "Color.ORANGE", "Color.PURPLE", "Color.BROWN",
)  # fmt: skip
DIRECTIONS = ('"down"', '"up"', '"left"', '"right"')
SIDES = ('"top"', '"bottom"', '"left"', '"right"')
CORNERS = ('"top_left"', '"top_right"', '"bottom_left"', '"bottom_right"')


def draft(
    concepts: str,
    steps: str | Sequence[str],
    draw_input: Draw,
    has_rival: HasRival | None = None,
) -> Draft:
    """A draft; `concepts` is a comma-separated list, `steps` one expression or several."""
    return Draft(
        concepts=tuple(concept.strip() for concept in concepts.split(",")),
        steps=(steps,) if isinstance(steps, str) else tuple(steps),
        draw_input=draw_input,
        has_rival=has_rival,
    )


def other_step(step: str, others: Sequence[str]) -> HasRival:
    """Whether one of the other steps does the same on the train inputs, and not on a test input."""
    own = step_function(step)
    rivals = [step_function(other) for other in others if other != step]

    def has_rival(train: Inputs, test: Inputs) -> bool:
        shown = [own(grid) for grid in train]
        return any(
            all(np.array_equal(rival(g), out) for g, out in zip(train, shown, strict=True))
            and not all(np.array_equal(rival(g), own(g)) for g in test)
            for rival in rivals
        )

    return has_rival


def grids_up_to(high: int, low: int = 3, square: float = 0.4, black: float = 0.9) -> DrawInputs:
    """Inputs of any kind with sides `low`–`high`."""

    def draw(rng: RNG) -> Draw:
        return any_grids(rng, draw_style(rng, low=low, high=high, square=square, black=black))

    return draw


def one_of(
    name: str,
    concepts: str,
    steps: Sequence[str],
    inputs: DrawInputs,
    weight: float = 1.0,
    first: bool = True,
    second: bool = True,
    tied: bool = False,
) -> Family:
    """A family whose programs are one of the given expressions, on inputs of one kind."""

    def draw(rng: RNG) -> Draft:
        return draft(concepts, pick(rng, steps), inputs(rng))

    return Family(name=name, draw=draw, weight=weight, first=first, second=second, tied=tied)
