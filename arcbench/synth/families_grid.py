"""Families on the whole grid: flips, turns, tilings, scalings, crops and shifts."""

from collections.abc import Callable, Sequence

from arcbench.synth.family import RNG, Draft, Family
from arcbench.synth.inputs import (
    Draw,
    any_grids,
    draw_style,
    pick,
)

Steps = Sequence[str]
DrawDraft = Callable[[RNG], Draft]


def one_of(concepts: Sequence[str], steps: Steps, draw_inputs: Callable[[RNG], Draw]) -> DrawDraft:
    """A family whose programs are one step each, on inputs of one kind."""

    def draw(rng: RNG) -> Draft:
        step = pick(rng, steps)
        return Draft(concepts=tuple(concepts), steps=(step,), draw_input=draw_inputs(rng))

    return draw


def grids_up_to(high: int, low: int = 3, square: float = 0.4) -> Callable[[RNG], Draw]:
    """Any inputs with sides `low`–`high`."""

    def draw(rng: RNG) -> Draw:
        return any_grids(rng, draw_style(rng, low=low, high=high, square=square))

    return draw


FAMILIES = [
    Family(
        name="flip",
        draw=one_of(
            ["flip"],
            [
                "flip_horizontal(grid)",
                "flip_vertical(grid)",
                "transpose(grid)",
                "flip_antidiagonal(grid)",
            ],
            grids_up_to(15),
        ),
    ),
    Family(
        name="rotate",
        draw=one_of(
            ["rotation"],
            ["rotate_clockwise(grid)", "rotate_counterclockwise(grid)", "rotate_180(grid)"],
            grids_up_to(15),
        ),
    ),
]
