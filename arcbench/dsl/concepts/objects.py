"""Objects chosen by what they are: cropped, kept, removed, recoloured, mirrored, laid out."""

from typing import Literal

import numpy as np

from arcbench.dsl.concepts._components import (
    Kind,
    Thing,
    Which,
    choose,
    paint,
    things,
)
from arcbench.dsl.concepts._types import AnyArray, Array, Axis
from arcbench.dsl.concepts.geometry import background_of

__all__ = [
    "color_of_object",
    "crop_object",
    "crop_object_box",
    "denoise",
    "fill_boxes",
    "keep_objects",
    "keep_objects_of_size",
    "largest_object",
    "mirror_objects",
    "recolor_by_column_key",
    "recolor_by_hole_count",
    "recolor_by_nearest",
    "recolor_by_row_key",
    "recolor_by_size",
    "recolor_by_size_rank",
    "recolor_largest_and_smallest",
    "recolor_objects",
    "recolor_objects_and_others",
    "recolor_to_dot",
    "recolor_to_mark",
    "remove_objects",
    "remove_small_objects",
    "smallest_object",
    "turn_objects",
]


def largest_object(grid: AnyArray) -> Array:
    """Crop to the object of one colour with the most cells."""
    return crop_object(grid, "largest")


def smallest_object(grid: AnyArray) -> Array:
    """Crop to the object of one colour with the fewest cells."""
    return crop_object(grid, "smallest")


def crop_object(grid: AnyArray, which: Which = "largest", kind: Kind = "same_color") -> Array:
    """Crop to the object, on background, without what else lies in its box."""
    chosen, _ = choose(grid, which, kind)
    return chosen[0].patch.copy() if chosen else np.array(grid)


def crop_object_box(grid: AnyArray, which: Which = "largest", kind: Kind = "same_color") -> Array:
    """Crop to the object's box, with all that lies in it."""
    chosen, _ = choose(grid, which, kind)
    return np.array(grid[chosen[0].box]) if chosen else np.array(grid)


def color_of_object(grid: AnyArray, which: Which = "largest", kind: Kind = "same_color") -> Array:
    """One cell of the object's main colour."""
    chosen, _ = choose(grid, which, kind)
    return np.array([[chosen[0].color]]) if chosen else np.array(grid)


def keep_objects(grid: AnyArray, which: Which = "largest", kind: Kind = "same_color") -> Array:
    """Keep the objects that `which` names; all others become background."""
    chosen, _ = choose(grid, which, kind)
    out = np.full(grid.shape, background_of(grid), dtype=np.int64)
    for thing in chosen:
        out.ravel()[thing.flat] = grid.ravel()[thing.flat]
    return out


def remove_objects(grid: AnyArray, which: Which = "smallest", kind: Kind = "same_color") -> Array:
    """The objects that `which` names become background."""
    chosen, _ = choose(grid, which, kind)
    out = np.array(grid, order="C")
    for thing in chosen:
        paint(out, thing, thing.background)
    return out


def recolor_objects(grid: AnyArray, which: Which, color: int, kind: Kind = "same_color") -> Array:
    """Give the objects that `which` names a colour."""
    chosen, _ = choose(grid, which, kind)
    out = np.array(grid, order="C")
    for thing in chosen:
        paint(out, thing, color)
    return out


def recolor_objects_and_others(
    grid: AnyArray, which: Which, color: int, other_color: int, kind: Kind = "same_color"
) -> Array:
    """Give the objects that `which` names one colour and all other objects another."""
    chosen, found = choose(grid, which, kind)
    out = np.array(grid, order="C")
    for thing in found:
        paint(out, thing, other_color)
    for thing in chosen:
        paint(out, thing, color)
    return out


def keep_objects_of_size(grid: AnyArray, size: int, kind: Kind = "same_color") -> Array:
    """Keep the objects of just `size` cells."""
    out = np.array(grid, order="C")
    for thing in things(grid, kind):
        if thing.size != size:
            paint(out, thing, thing.background)
    return out


def remove_small_objects(grid: AnyArray, size: int = 1, kind: Kind = "same_color") -> Array:
    """Objects of `size` cells or fewer become background."""
    out = np.array(grid, order="C")
    for thing in things(grid, kind):
        if thing.size <= size:
            paint(out, thing, thing.background)
    return out


def denoise(grid: AnyArray) -> Array:
    """Cells with no like neighbour (edge or corner) take the main colour of those around them."""
    out = np.array(grid)
    padded = np.pad(grid, 1, constant_values=-1)
    height, width = grid.shape
    around = np.stack(
        [
            padded[1 + r : 1 + r + height, 1 + c : 1 + c + width]
            for r in (-1, 0, 1)
            for c in (-1, 0, 1)
            if r or c
        ]
    )
    alone = (around != grid).all(0)
    for row, column in np.argwhere(alone).tolist():
        near = around[:, row, column]
        out[row, column] = np.bincount(near[near >= 0], minlength=10).argmax()
    return out


def recolor_by_size_rank(
    grid: AnyArray, color_1: int, color_2: int, color_3: int = -1, color_4: int = -1,
    kind: Kind = "same_color",
) -> Array:  # fmt: skip
    """Colour objects by size: the largest `color_1`, the next smaller size `color_2`, and so on.

    Objects of one size get one colour; sizes beyond the last colour take the last one.
    """
    colors = [c for c in (color_1, color_2, color_3, color_4) if c >= 0]
    found = things(grid, kind)
    sizes = sorted({thing.size for thing in found}, reverse=True)
    out = np.array(grid, order="C")
    for thing in found:
        paint(out, thing, colors[min(sizes.index(thing.size), len(colors) - 1)])
    return out


def recolor_by_size(
    grid: AnyArray, size: int, color: int, other_color: int = -1, kind: Kind = "same_color"
) -> Array:
    """Objects of just `size` cells get one colour, all others `other_color` (-1: none)."""
    out = np.array(grid, order="C")
    for thing in things(grid, kind):
        if thing.size == size:
            paint(out, thing, color)
        elif other_color >= 0:
            paint(out, thing, other_color)
    return out


def recolor_by_hole_count(
    grid: AnyArray, color_1: int, color_2: int, color_3: int = -1, color_4: int = -1
) -> Array:
    """Colour objects by the number of their holes: one hole `color_1`, two `color_2`, and so on."""
    colors = (color_1, color_2, color_3, color_4)
    out = np.array(grid, order="C")
    for thing in things(grid, "same_color"):
        if 1 <= thing.holes <= 4 and colors[thing.holes - 1] >= 0:
            paint(out, thing, colors[thing.holes - 1])
    return out


def recolor_to_mark(grid: AnyArray, remove_mark: bool = False) -> Array:
    """Objects of several colours take their least common colour.

    With `remove_mark` the marking cells become background.
    """
    out = np.array(grid, order="C")
    for thing in things(grid, "any_color"):
        if len(thing.counts) < 2:
            continue
        mark = thing.mark_color
        paint(out, thing, mark)
        if remove_mark:
            marks = [i for i in thing.flat if grid.ravel()[i] == mark]
            out.ravel()[marks] = thing.background
    return out


def _nearest(thing: Thing, boxes_4N: AnyArray) -> int:
    """The first of the boxes (top, bottom, left, right) with the fewest cells in between."""
    top, bottom, left, right = boxes_4N
    down = np.maximum(np.maximum(thing.top - bottom, top - thing.bottom), 0)
    across = np.maximum(np.maximum(thing.left - right, left - thing.right), 0)
    return int((down + across).argmin())


def recolor_by_nearest(grid: AnyArray, color: int, remove_keys: bool = False) -> Array:
    """Objects of `color` take the colour of the nearest object of another colour."""
    found = things(grid, "same_color")
    keys = [t for t in found if t.color != color]
    if not keys:
        return np.array(grid)
    boxes = np.array([(k.top, k.bottom, k.left, k.right) for k in keys]).T
    out = np.array(grid, order="C")
    for thing in found:
        if thing.color == color:
            paint(out, thing, keys[_nearest(thing, boxes)].color)
        elif remove_keys:
            paint(out, thing, thing.background)
    return out


def recolor_to_dot(grid: AnyArray) -> Array:
    """All objects take the colour of the single cell that stands alone, which vanishes."""
    ground = background_of(grid)
    dots = [thing for thing in things(grid, "any_color") if thing.size == 1]
    if len(dots) != 1:
        return np.array(grid)
    out = np.where(grid != ground, dots[0].color, grid)
    paint(out, dots[0], ground)
    return out


def recolor_by_column_key(grid: AnyArray, color: int) -> Array:
    """Objects of `color` take the colour that the top or bottom row shows over them."""
    out = np.array(grid, order="C")
    for thing in things(grid, "same_color_4"):
        if thing.color != color:
            continue
        columns = slice(thing.left, thing.right + 1)
        keys = [*grid[0, columns].tolist(), *grid[-1, columns].tolist()]
        keys = [k for k in keys if k not in (color, thing.background)]
        if keys:
            paint(out, thing, keys[0])
    return out


def recolor_by_row_key(grid: AnyArray, color: int) -> Array:
    """Cells of `color` take the colour that the first column, else the last, shows in their row."""
    ground = background_of(grid)
    out = np.array(grid)
    for i, row in enumerate(grid):
        keys = [int(k) for k in (row[0], row[-1]) if k not in (color, ground)]
        if keys:
            out[i, row == color] = keys[0]
    return out


def _each(grid: AnyArray, kind: Kind, change: Literal["horizontal", "vertical", "turn"]) -> Array:
    out = np.full_like(grid, background_of(grid))
    for thing in things(grid, kind):
        if thing.size == 1:
            out[thing.top, thing.left] = thing.color
            continue
        patch = thing.patch
        if change == "turn":
            patch = patch[::-1, ::-1]
        else:
            patch = patch[:, ::-1] if change == "horizontal" else patch[::-1]
        view = out[thing.box]
        view[patch != thing.background] = patch[patch != thing.background]
    return out


def mirror_objects(grid: AnyArray, axis: Axis = "horizontal", kind: Kind = "any_color") -> Array:
    """Mirror every object within its own box, left to right or ("vertical") top down."""
    return _each(grid, kind, axis)


def turn_objects(grid: AnyArray, kind: Kind = "any_color") -> Array:
    """Turn every object by half a turn within its own box."""
    return _each(grid, kind, "turn")


def fill_boxes(grid: AnyArray, color: int = -1, kind: Kind = "same_color") -> Array:
    """Fill the box of every object with its colour; with `color` only the background in it."""
    out = np.array(grid)
    for thing in things(grid, kind):
        view = out[thing.box]
        view[view == thing.background] = thing.color if color < 0 else color
    return out


def recolor_largest_and_smallest(
    grid: AnyArray, largest_color: int, smallest_color: int, kind: Kind = "same_color"
) -> Array:
    """Colour the largest and the smallest object; all others become background."""
    found = things(grid, kind)
    out = np.array(grid, order="C")
    if not found:
        return out
    sizes = [thing.size for thing in found]
    least, most = min(sizes), max(sizes)
    for thing in found:
        color = thing.background
        if thing.size == least:
            color = smallest_color
        if thing.size == most:
            color = largest_color
        paint(out, thing, color)
    return out
