"""Things counted, and small outputs that show a number, a colour or a choice."""

from typing import Literal

import numpy as np

from arcbench.dsl.concepts._components import CHOOSERS, Kind, Thing, things
from arcbench.dsl.concepts._types import AnyArray, Array
from arcbench.dsl.concepts.colors import ranked_colors
from arcbench.dsl.concepts.geometry import background_of, crop_to_color

__all__ = [
    "color_block_of_object",
    "count_as_checkers",
    "count_as_column",
    "count_as_diagonal",
    "count_as_row",
    "count_colors_as_row",
    "crop_least_common",
    "crop_most_common",
    "crop_object_with_most",
    "histogram_of_objects",
    "largest_colors_as_row",
    "most_frequent_object_color",
    "overlay_neighborhoods",
]

What = Literal["cells", "objects", "squares", "blocks"]


def _count(grid: AnyArray, color: int, what: What) -> int:
    """Cells of the colour, or its objects: all, full squares of 2 × 2 or more, or 2 × 2 blocks."""
    if what == "cells":
        return int((grid == color).sum())
    found = [t for t in things(grid, "same_color_4") if t.color == color]
    if what == "objects":
        return len(found)
    if what == "blocks":
        return sum(t.size == 4 and t.is_full and t.height == 2 for t in found)
    return sum(t.is_full and t.height == t.width > 1 for t in found)


def _length(count: int, length: int) -> int:
    """The given length, otherwise as many as counted, at least one and 30 at most."""
    return length if length > 0 else min(30, max(1, count))


def count_as_row(
    grid: AnyArray, color: int, what: What = "cells", length: int = 0, result_color: int = -1
) -> Array:
    """One row with as many coloured cells as there are cells or objects of the colour.

    `length` pads it with black; the cells have `result_color` (-1: the counted colour).
    """
    count = _count(grid, color, what)
    out = np.zeros((1, _length(count, length)), dtype=np.int64)
    out[0, :count] = color if result_color < 0 else result_color
    return out


def count_as_column(
    grid: AnyArray, color: int, what: What = "cells", length: int = 0, result_color: int = -1
) -> Array:
    """One column with as many coloured cells as there are cells or objects of the colour."""
    return np.array(count_as_row(grid, color, what, length, result_color).T)


def count_as_diagonal(
    grid: AnyArray, color: int, what: What = "objects", length: int = 0, result_color: int = -1
) -> Array:
    """A square with as many coloured cells on its diagonal as there are of the colour."""
    row = count_as_row(grid, color, what, length, result_color)[0]
    return np.diag(row)


def count_as_checkers(
    grid: AnyArray, color: int, what: What = "objects", size: int = 3, result_color: int = -1
) -> Array:
    """A square with as many coloured cells as counted, in reading order on every second place."""
    count = _count(grid, color, what)
    out = np.zeros(size * size, dtype=np.int64)
    out[::2][:count] = color if result_color < 0 else result_color
    return out.reshape(size, size)


def count_colors_as_row(grid: AnyArray, color: int) -> Array:
    """One row with one cell for every colour that is not background."""
    ground = background_of(grid)
    count = len(set(grid.ravel().tolist()) - {ground})
    return np.full((1, max(1, count)), color, dtype=np.int64)


def color_block_of_object(
    grid: AnyArray,
    which: Literal["largest", "smallest", "largest_box", "most_holes", "unique_shape"] = "largest",
    rows: int = 2,
    columns: int = 2,
) -> Array:
    """A block of `rows` × `columns` cells in the colour of the object."""
    found = things(grid, "same_color")
    chosen = CHOOSERS[which](found) if found else []
    color = chosen[0].color if chosen else 0
    return np.full((rows, columns), color, dtype=np.int64)


def crop_least_common(grid: AnyArray) -> Array:
    """Crop to the box of all cells of the least common colour that is not black."""
    ranked = ranked_colors(grid)
    return crop_to_color(grid, ranked[-1]) if ranked else np.array(grid)


def crop_most_common(grid: AnyArray) -> Array:
    """Crop to the box of all cells of the most common colour that is not background."""
    ground = background_of(grid)
    ranked = [c for c in ranked_colors(grid) if c != ground]
    return crop_to_color(grid, ranked[0]) if ranked else np.array(grid)


def _with_most(found: list[Thing], color: int) -> Thing:
    return max(found, key=lambda t: t.counts[color])


def crop_object_with_most(grid: AnyArray, color: int, kind: Kind = "any_color") -> Array:
    """Crop to the object with the most cells of a colour."""
    found = things(grid, kind)
    return _with_most(found, color).patch.copy() if found else np.array(grid)


def histogram_of_objects(
    grid: AnyArray, axis: Literal["row", "column"] = "row", kind: Kind = "same_color"
) -> Array:
    """One bar a colour, as long as it has objects, the most frequent first."""
    found = things(grid, kind)
    if not found:
        return np.array(grid)
    counts: dict[int, int] = {}
    for thing in found:
        counts[thing.color] = counts.get(thing.color, 0) + 1
    ordered = sorted(counts, key=lambda c: (-counts[c], c))
    out = np.zeros((len(ordered), min(30, counts[ordered[0]])), dtype=np.int64)
    for i, color in enumerate(ordered):
        out[i, : counts[color]] = color
    return out if axis == "row" else np.array(out.T)


def largest_colors_as_row(grid: AnyArray, rows: int = 1) -> Array:
    """The colours of the objects of the largest size from left to right, each `rows` cells high.

    With `rows` 0 they are as high as those objects have cells.
    """
    found = things(grid, "same_color")
    if not found:
        return np.array(grid)
    most = max(t.size for t in found)
    colors = [t.color for t in sorted(found, key=lambda t: t.left) if t.size == most]
    return np.array([colors] * (rows if rows > 0 else min(30, most)))


def most_frequent_object_color(grid: AnyArray, rows: int = 1, columns: int = 1) -> Array:
    """A block in the colour that has the most objects."""
    found = things(grid, "same_color")
    if not found:
        return np.array(grid)
    colors = [t.color for t in found]
    best = max(sorted(set(colors)), key=colors.count)
    return np.full((rows, columns), best, dtype=np.int64)


def overlay_neighborhoods(grid: AnyArray, color: int) -> Array:
    """Lay the 3 × 3 surroundings of all cells of a colour over each other."""
    ground = background_of(grid)
    padded = np.pad(grid, 1, constant_values=ground)
    out = np.full((3, 3), ground, dtype=np.int64)
    for row, column in np.argwhere(grid == color).tolist():
        out = np.where(out == ground, padded[row : row + 3, column : column + 3], out)
    return out
