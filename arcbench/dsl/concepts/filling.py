"""Holes, insides, boxes and regions of one colour filled and recoloured."""

from typing import Literal

import numpy as np

from arcbench.dsl.common._cells import STEPS_8, box_of
from arcbench.dsl.concepts._components import (
    CHOOSERS,
    Thing,
    Which,
    enclosed,
    paint,
    regions,
    things,
)
from arcbench.dsl.concepts._types import AnyArray, Array
from arcbench.dsl.concepts.geometry import background_of

__all__ = [
    "color_corners_edges_inside",
    "color_rings",
    "fill_between_dots",
    "fill_color_boxes",
    "fill_empty_squares",
    "fill_hole_shapes",
    "fill_holes",
    "fill_holes_and_leak",
    "fill_holes_by_parity",
    "fill_holes_by_side",
    "fill_holes_with_own_mark",
    "fill_inside",
    "fill_inside_by_rank",
    "fill_outside",
    "hollow_objects",
    "keep_holes",
    "recolor_large_regions",
    "recolor_regions",
    "recolor_regions_and_others",
    "recolor_regions_by_rank",
]


def fill_holes(grid: AnyArray, color: int) -> Array:
    """Fill the background that objects enclose with a colour."""
    out = np.array(grid, order="C")
    for hole in enclosed(grid, background_of(grid)):
        paint(out, hole, color)
    return out


def fill_hole_shapes(
    grid: AnyArray,
    shape: Literal["square", "rectangle", "not_square", "largest", "smallest", "dot", "not_dot"],
    color: int,
) -> Array:
    """Fill those enclosed background regions that have the shape, for example "square"."""
    holes = enclosed(grid, background_of(grid))
    out = np.array(grid, order="C")
    if not holes:
        return out
    if shape == "not_square":
        chosen = [h for h in holes if not (h.is_full and h.height == h.width)]
    else:
        chosen = CHOOSERS[shape](holes)
    for hole in chosen:
        paint(out, hole, color)
    return out


def fill_holes_by_side(
    grid: AnyArray, color_1: int, color_2: int, color_3: int = -1, color_4: int = -1
) -> Array:
    """Fill enclosed background by the longer side of its box: 1 cell `color_1`, 2 `color_2`, …"""
    colors = [c for c in (color_1, color_2, color_3, color_4) if c >= 0]
    out = np.array(grid, order="C")
    for hole in enclosed(grid, background_of(grid)):
        paint(out, hole, colors[min(max(hole.height, hole.width), len(colors)) - 1])
    return out


def fill_holes_by_parity(grid: AnyArray, even_color: int, odd_color: int) -> Array:
    """Fill enclosed background: one colour where its box is an even number of cells wide."""
    out = np.array(grid, order="C")
    for hole in enclosed(grid, background_of(grid)):
        paint(out, hole, odd_color if hole.width % 2 else even_color)
    return out


def fill_holes_with_own_mark(grid: AnyArray) -> Array:
    """Fill the inside of a frame with the colour of the cell that marks it there."""
    out = np.array(grid, order="C")
    ground = background_of(grid)
    frames = things(grid, "same_color")
    for frame in frames:
        if frame.height < 3 or frame.width < 3:
            continue
        inside = (slice(frame.top + 1, frame.bottom), slice(frame.left + 1, frame.right))
        marks = set(grid[inside].ravel().tolist()) - {ground, frame.color}
        if len(marks) == 1:
            view = out[inside]
            view[view == ground] = marks.pop()
    return out


def keep_holes(grid: AnyArray, color: int) -> Array:
    """The enclosed background regions in a colour; everything else becomes background."""
    ground = background_of(grid)
    out = np.full(grid.shape, ground, dtype=np.int64)
    for hole in enclosed(grid, ground):
        paint(out, hole, color)
    return out


def fill_outside(grid: AnyArray, color: int) -> Array:
    """Flood the background that reaches the edge of the grid with a colour."""
    ground = background_of(grid)
    out = np.array(grid, order="C")
    for part in regions(grid, ground):
        thing = Thing(grid, part, ground)
        if thing.touches_border:
            paint(out, thing, color)
    return out


def fill_holes_and_leak(grid: AnyArray, color: int) -> Array:
    """Fill the box inside of every open frame; through the gap a line runs to the edge."""
    ground = background_of(grid)
    out = np.array(grid)
    height, width = grid.shape
    for thing in things(grid, "same_color"):
        if thing.height < 3 or thing.width < 3:
            continue
        box = out[thing.box]
        box[box == ground] = color
        inner = grid[thing.box]
        for r, c in np.argwhere(inner == ground).tolist():
            row, column = r + thing.top, c + thing.left
            if 0 < r < thing.height - 1 and 0 < c < thing.width - 1:
                continue
            dr = -1 if r == 0 else int(r == thing.height - 1)
            dc = (-1 if c == 0 else int(c == thing.width - 1)) if not dr else 0
            row, column = row + dr, column + dc
            while 0 <= row < height and 0 <= column < width and grid[row, column] == ground:
                out[row, column] = color
                row, column = row + dr, column + dc
    return out


def _inside(grid: AnyArray) -> Array:
    """Cells whose eight neighbours all have their own colour (the edge of the grid does not)."""
    padded = np.pad(grid, 1, constant_values=-1)
    height, width = grid.shape
    same = grid != background_of(grid)
    for r, c in STEPS_8:
        same &= padded[1 + r : 1 + r + height, 1 + c : 1 + c + width] == grid
    return np.array(same)


def fill_inside(grid: AnyArray, color: int) -> Array:
    """Give a colour to the inner cells of solid objects; their outermost cells stay."""
    return np.where(_inside(grid), color, grid)


def hollow_objects(grid: AnyArray) -> Array:
    """Empty the solid objects: only their outermost cells stay."""
    return np.where(_inside(grid), background_of(grid), grid)


def fill_inside_by_rank(grid: AnyArray, color: int, other_color: int) -> Array:
    """Colour the inner cells of the largest solid object, those of all others in another colour."""
    inside = _inside(grid)
    out = np.where(inside, other_color, grid)
    found = things(grid, "same_color")
    for thing in CHOOSERS["largest"](found) if found else []:
        view = out[thing.box]
        view[inside[thing.box] & (thing.mask == 1)] = color
    return out


def color_corners_edges_inside(
    grid: AnyArray, corner_color: int, edge_color: int, inside_color: int
) -> Array:
    """Colour the solid rectangles anew: their corners, their edges and their inside."""
    out = np.array(grid)
    for thing in things(grid, "same_color_4"):
        if not thing.is_full or min(thing.height, thing.width) < 2:
            continue
        box = out[thing.box]
        box[:] = edge_color
        box[1:-1, 1:-1] = inside_color
        box[:: len(box) - 1, :: box.shape[1] - 1] = corner_color
    return out


def color_rings(
    grid: AnyArray, color_1: int, color_2: int, color_3: int = -1, color_4: int = -1
) -> Array:
    """Colour the boxes of objects in rings from outside to inside; the colours repeat."""
    colors = [c for c in (color_1, color_2, color_3, color_4) if c >= 0]
    out = np.array(grid)
    for thing in things(grid, "any_color"):
        for k in range((min(thing.height, thing.width) + 1) // 2):
            out[thing.top + k : thing.bottom + 1 - k, thing.left + k : thing.right + 1 - k] = (
                colors[k % len(colors)]
            )
    return out


def recolor_regions(grid: AnyArray, region_color: int, which: Which, color: int) -> Array:
    """Of the connected regions of one colour (black, too) recolour those that `which` names."""
    found = [Thing(grid, part, -1) for part in regions(grid, region_color)]
    out = np.array(grid, order="C")
    for thing in CHOOSERS[which](found) if found else []:
        paint(out, thing, color)
    return out


def recolor_regions_and_others(
    grid: AnyArray, region_color: int, which: Which, color: int, other_color: int
) -> Array:
    """Recolour the regions of one colour that `which` names, all its other regions differently."""
    out = recolor_regions(grid, region_color, which, color)
    chosen = recolor_regions(grid, region_color, which, -1)
    return np.where(chosen == region_color, other_color, out)


def recolor_regions_by_rank(
    grid: AnyArray, region_color: int, color_1: int, color_2: int, color_3: int = -1
) -> Array:
    """Colour the regions of one colour by size: the largest `color_1`, the next `color_2`, …"""
    colors = [c for c in (color_1, color_2, color_3) if c >= 0]
    found = regions(grid, region_color)
    sizes = sorted({len(part) for part in found}, reverse=True)
    out = np.array(grid, order="C")
    for part in found:
        out.ravel()[part] = colors[min(sizes.index(len(part)), len(colors) - 1)]
    return out


def recolor_large_regions(grid: AnyArray, region_color: int, size: int, color: int) -> Array:
    """Recolour the connected regions of a colour (black, too) that have at least `size` cells."""
    out = np.array(grid, order="C")
    for part in regions(grid, region_color):
        if len(part) >= size:
            out.ravel()[part] = color
    return out


def fill_between_dots(grid: AnyArray, color: int) -> Array:
    """Four cells of one colour that are the corners of a box: fill the box inside them."""
    ground = background_of(grid)
    out = np.array(grid)
    inside = np.zeros(grid.shape, dtype=bool)
    for own in np.unique(grid).tolist():
        if own == ground:
            continue
        cells = grid == own
        both = cells[:, None] & cells[None]  # (row, other row, column)
        first = both.argmax(axis=2)
        last = grid.shape[1] - 1 - both[..., ::-1].argmax(axis=2)
        for top, bottom in np.argwhere(both.any(axis=2) & (last > first + 1)).tolist():
            inside[top + 1 : bottom, first[top, bottom] + 1 : last[top, bottom]] = True
    out[inside & (grid == ground)] = color
    return out


def fill_color_boxes(grid: AnyArray) -> Array:
    """Fill for every colour the box around all its cells, on background only."""
    ground = background_of(grid)
    out = np.array(grid)
    for color in np.unique(grid).tolist():
        if color == ground:
            continue
        box = box_of(grid == color)
        if box is not None:
            out[box][out[box] == ground] = color
    return out


def fill_empty_squares(grid: AnyArray, color: int, size: int = 2) -> Array:
    """Colour the squares of `size` × `size` background cells, in reading order, none twice."""
    ground = background_of(grid)
    out = np.array(grid)
    if not 1 <= size <= min(grid.shape):
        return out
    windows = np.lib.stride_tricks.sliding_window_view(grid == ground, (size, size))
    for row, column in np.argwhere(windows.all((2, 3))).tolist():
        part = out[row : row + size, column : column + size]
        if (part == ground).all():
            part[:] = color
    return out
