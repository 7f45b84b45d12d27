"""Frames and marked objects cropped; objects overlaid, lined up and listed."""

from typing import Literal

import numpy as np

from arcbench.dsl.common._cells import components, dilate
from arcbench.dsl.concepts._components import Kind, Thing, things
from arcbench.dsl.concepts._types import AnyArray, Array, Line
from arcbench.dsl.concepts.geometry import background_of

__all__ = [
    "crop_between_corners",
    "crop_frame",
    "crop_frame_inside",
    "crop_object_touching",
    "object_color_list",
    "objects_in_a_line",
    "overlay_objects",
]


def _largest_frame(grid: AnyArray) -> Thing | None:
    """The object with the largest box whose rim is all its own, with something inside."""
    parts = components(grid, np.ones(grid.shape, dtype=bool), connectivity=4)
    large = [Thing(grid, part, 0) for part in parts if len(part) >= 8]
    best: Thing | None = None
    # Of two that are equally large the one with the smaller colour, then the first one.
    for thing in sorted(large, key=lambda thing: grid.item(thing.flat[0])):
        height, width = thing.height, thing.width
        if height < 3 or width < 3 or thing.is_full or thing.size < 2 * (height + width) - 4:
            continue
        if best is not None and height * width <= best.height * best.width:
            continue
        mask = thing.mask
        if mask[0].all() and mask[-1].all() and mask[:, 0].all() and mask[:, -1].all():
            best = thing
    return best


def crop_frame(grid: AnyArray) -> Array:
    """Crop to the largest closed rectangular frame of one colour, with what is inside it."""
    frame = _largest_frame(grid)
    return np.array(grid if frame is None else grid[frame.box])


def crop_frame_inside(grid: AnyArray) -> Array:
    """Crop to what is inside the largest closed rectangular frame of one colour."""
    frame = _largest_frame(grid)
    return np.array(grid if frame is None else grid[frame.box][1:-1, 1:-1])


def crop_between_corners(grid: AnyArray, take_color: bool = False) -> Array:
    """Crop to what lies between four cells of one colour that are the corners of a box.

    With `take_color` the content takes the corners' colour.
    """
    ground = background_of(grid)
    for color in np.unique(grid).tolist():
        cells = np.argwhere(grid == color).tolist()
        if color == ground or len(cells) != 4:
            continue
        (a, b), (c, d) = cells[0], cells[3]
        if [a, d] in cells and [c, b] in cells and c - a > 1 and d - b > 1:
            inner = grid[a + 1 : c, b + 1 : d]
            return np.where(inner != ground, color, inner) if take_color else np.array(inner)
    return np.array(grid)


def crop_object_touching(grid: AnyArray, color: int) -> Array:
    """Crop to the object that touches a cell of the colour, without that cell."""
    ground = background_of(grid)
    rest = np.where(grid == color, ground, grid)
    # The marks themselves are background in `rest`, so they belong to no object.
    flat = dilate(grid == color, connectivity=8).ravel()
    for thing in things(rest, "any_color", ground):
        if flat[thing.flat].any():
            return thing.patch.copy()
    return np.array(grid)


def overlay_objects(grid: AnyArray, by_color: bool = False) -> Array:
    """Lay all objects over each other, centred; background is transparent.

    With `by_color` all cells of a colour are one object, connected or not.
    """
    ground = background_of(grid)
    if by_color:
        found = [
            Thing(grid, np.flatnonzero(grid == color).tolist(), ground)
            for color in np.unique(grid).tolist()
            if color != ground
        ]
    else:
        found = things(grid, "any_color")
    if not found:
        return np.array(grid)
    out = np.full((max(t.height for t in found), max(t.width for t in found)), ground)
    for thing in found:
        row, column = (len(out) - thing.height) // 2, (out.shape[1] - thing.width) // 2
        view = out[row : row + thing.height, column : column + thing.width]
        free = view == ground
        view[free] = thing.patch[free]
    return out


def objects_in_a_line(
    grid: AnyArray,
    by: Literal["size", "left", "top"] = "left",
    line: Line = "row",
    descending: bool = False,
    kind: Kind = "any_color",
) -> Array:
    """Lay all objects side by side ("row") or one under the other, without gaps."""
    found = things(grid, kind)
    if not found:
        return np.array(grid)
    key = {"size": lambda t: t.size, "left": lambda t: t.left, "top": lambda t: t.top}
    ordered = sorted(found, key=key[by], reverse=descending)
    heights, widths = [t.height for t in ordered], [t.width for t in ordered]
    upright = line == "column"
    shape = (sum(heights), max(widths)) if upright else (max(heights), sum(widths))
    out = np.full(shape, ordered[0].background, dtype=grid.dtype)
    at = 0
    for thing in ordered:
        row, column = (at, 0) if upright else (0, at)
        out[row : row + thing.height, column : column + thing.width] = thing.patch
        at += thing.height if upright else thing.width
    return out


def object_color_list(
    grid: AnyArray,
    by: Literal["size", "left", "top", "count"] = "size",
    line: Line = "column",
    descending: bool = True,
    kind: Kind = "same_color",
) -> Array:
    """The objects' colours as one column or row: by size, position, or objects of that colour."""
    found = things(grid, kind)
    if not found:
        return np.array(grid)
    if by == "count":
        counts = {c: sum(t.color == c for t in found) for c in sorted({t.color for t in found})}
        colors = sorted(counts, key=lambda c: -counts[c] if descending else counts[c])
    else:
        sign = -1 if descending and by == "size" else 1
        key = {"size": lambda t: sign * t.size, "left": lambda t: t.left, "top": lambda t: t.top}
        colors = [thing.color for thing in sorted(found, key=key[by])]
    out = np.array([colors])
    return out if line == "row" else np.array(out.T)
