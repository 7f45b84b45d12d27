"""Colours replaced, swapped, kept and counted."""

import numpy as np

from arcbench.dsl.concepts._types import AnyArray, Array, Line
from arcbench.dsl.concepts.geometry import background_of, most_common

__all__ = [
    "color_histogram",
    "colors_by_count",
    "colors_in_order",
    "fill_with_least_common",
    "fill_with_most_common",
    "invert_two_colors",
    "keep_color",
    "keep_least_common",
    "keep_most_common",
    "least_common_color",
    "most_common_color",
    "recolor",
    "recolor_all",
    "recolor_least_common",
    "recolor_most_common",
    "recolor_others",
    "recolor_to_least_common",
    "replace_color_by_other",
    "replace_least_by_most_common",
    "swap_colors",
    "swap_most_and_least_common",
]


def ranked_colors(grid: AnyArray) -> list[int]:
    """The colours that are not black, the most common one first (ties: smaller number first)."""
    counts = np.bincount(grid.ravel(), minlength=10)
    return sorted((c for c in range(1, 10) if counts[c]), key=lambda c: -int(counts[c]))


def recolor(grid: AnyArray, old_color: int, new_color: int) -> Array:
    """Replace one colour by another."""
    return np.where(grid == old_color, new_color, grid)


def recolor_all(grid: AnyArray, color: int) -> Array:
    """Give every cell that is not black the colour."""
    return np.where(grid != 0, color, 0)


def recolor_others(grid: AnyArray, kept_color: int, new_color: int) -> Array:
    """Give every cell but those of `kept_color` the new colour."""
    return np.where(grid != kept_color, new_color, grid)


def swap_colors(grid: AnyArray, first_color: int, second_color: int) -> Array:
    """Exchange two colours."""
    out = np.array(grid)
    out[grid == first_color] = second_color
    out[grid == second_color] = first_color
    return out


def keep_color(grid: AnyArray, color: int) -> Array:
    """Keep the cells of the colour; all others become black."""
    return np.where(grid == color, grid, 0)


def keep_most_common(grid: AnyArray, other_color: int = 0) -> Array:
    """Keep the most common colour (black counts); all other cells become `other_color`."""
    return np.where(grid == most_common(grid), grid, other_color)


def keep_least_common(grid: AnyArray, other_color: int = 0) -> Array:
    """Keep the least common colour (not black); all other cells become `other_color`."""
    ranked = ranked_colors(grid)
    return np.where(grid == (ranked[-1] if ranked else 0), grid, other_color)


def invert_two_colors(grid: AnyArray) -> Array:
    """Exchange the two colours of a grid that has just two."""
    colors = np.unique(grid)
    if len(colors) != 2:
        return np.array(grid)
    return np.where(grid == colors[0], colors[1], colors[0])


def recolor_most_common(grid: AnyArray, new_color: int) -> Array:
    """Give the most common colour (not black) another one."""
    ranked = ranked_colors(grid)
    return np.where(grid == ranked[0], new_color, grid) if ranked else np.array(grid)


def recolor_least_common(grid: AnyArray, new_color: int) -> Array:
    """Give the least common colour (not black) another one."""
    ranked = ranked_colors(grid)
    return np.where(grid == ranked[-1], new_color, grid) if ranked else np.array(grid)


def replace_least_by_most_common(grid: AnyArray) -> Array:
    """Replace the least common colour by the most common one (black is no colour here)."""
    ranked = ranked_colors(grid)
    return np.where(grid == ranked[-1], ranked[0], grid) if ranked else np.array(grid)


def swap_most_and_least_common(grid: AnyArray) -> Array:
    """Exchange the most and the least common colour (black is no colour here)."""
    ranked = ranked_colors(grid)
    return swap_colors(grid, ranked[0], ranked[-1]) if ranked else np.array(grid)


def recolor_to_least_common(grid: AnyArray) -> Array:
    """The least common colour is a key: its cells vanish and all other colours become it."""
    ranked = ranked_colors(grid)
    if len(ranked) < 2:
        return np.array(grid)
    ground = background_of(grid)
    key = ranked[-1]
    return np.where(grid == key, ground, np.where(grid == ground, ground, key))


def replace_color_by_other(grid: AnyArray, color: int) -> Array:
    """Cells of `color` take the most common other colour; cells that had it become black."""
    ranked = [c for c in ranked_colors(grid) if c != color]
    if not ranked:
        return np.array(grid)
    return np.where(grid == color, ranked[0], np.where(grid == ranked[0], 0, grid))


def fill_with_most_common(grid: AnyArray) -> Array:
    """A grid of the same size, all of the most common colour."""
    return np.full(grid.shape, most_common(grid), dtype=np.int64)


def fill_with_least_common(grid: AnyArray) -> Array:
    """A grid of the same size, all of the least common colour that is not black."""
    ranked = ranked_colors(grid)
    return np.full(grid.shape, ranked[-1] if ranked else 0, dtype=np.int64)


def most_common_color(grid: AnyArray) -> Array:
    """One cell of the most common colour that is not black."""
    ranked = ranked_colors(grid)
    return np.array([[ranked[0] if ranked else 0]])


def least_common_color(grid: AnyArray) -> Array:
    """One cell of the least common colour that is not black."""
    ranked = ranked_colors(grid)
    return np.array([[ranked[-1] if ranked else 0]])


def colors_by_count(grid: AnyArray, line: Line = "column", skip: int = 0) -> Array:
    """The colours as one column or row, the most common first; `skip` leaves the first ones out."""
    ranked = ranked_colors(grid)[skip:]
    if not ranked:
        return np.array(grid)
    out = np.array([ranked])
    return out if line == "row" else np.array(out.T)


def colors_in_order(grid: AnyArray) -> Array:
    """The colours of stripes with ragged edges as one row or column, in the order they lie in."""
    ranked = ranked_colors(grid)
    if not ranked:
        return np.array(grid)
    middles = np.array([np.argwhere(grid == color).mean(0) for color in ranked])
    spread = np.ptp(middles, axis=0)
    axis = 0 if spread[0] > spread[1] else 1
    order = np.array([ranked])[:, np.argsort(middles[:, axis], kind="stable")]
    return np.array(order.T) if axis == 0 else np.array(order)


def color_histogram(grid: AnyArray, line: Line = "column") -> Array:
    """One bar a colour, as long as the colour has cells, the most common first.

    Bars are columns that hang from the top, or rows that start at the left.
    """
    ranked = ranked_colors(grid)
    if not ranked:
        return np.array(grid)
    counts = [int((grid == c).sum()) for c in ranked]
    out = np.zeros((len(ranked), counts[0]), dtype=np.int64)
    for i, (color, count) in enumerate(zip(ranked, counts, strict=True)):
        out[i, :count] = color
    return out if line == "row" else np.array(out.T)
