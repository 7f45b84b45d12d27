"""Objects by what they have to do with others: the same form, contact, a place in the row."""

import numpy as np

from arcbench.dsl.concepts._components import Thing, paint, things
from arcbench.dsl.concepts._types import AnyArray, Array, Direction
from arcbench.dsl.concepts.geometry import background_of
from arcbench.dsl.concepts.panels import panel_spans

__all__ = [
    "bounce",
    "connect_panels",
    "extend_corners",
    "fill_largest_rectangle",
    "recolor_same_shape",
    "recolor_touching",
    "repeat_objects",
]


def recolor_same_shape(grid: AnyArray, color: int) -> Array:
    """Objects of the form that an object of the colour has take the colour; turned is other."""
    found = things(grid, "same_color")
    forms = {thing.shape_key for thing in found if thing.color == color}
    out = np.array(grid, order="C")
    for thing in found:
        if thing.shape_key in forms:
            paint(out, thing, color)
    return out


def recolor_touching(grid: AnyArray, color: int, other_color: int, new_color: int) -> Array:
    """Recolour the objects of `color` that touch a cell of `other_color` at an edge."""
    near = np.pad(grid == other_color, 1)
    near = near[:-2, 1:-1] | near[2:, 1:-1] | near[1:-1, :-2] | near[1:-1, 2:]
    flat = near.ravel()
    out = np.array(grid, order="C")
    for thing in things(grid, "same_color_4", -1):
        if thing.color == color and flat[thing.flat].any():
            paint(out, thing, new_color)
    return out


def fill_largest_rectangle(grid: AnyArray, color: int) -> Array:
    """Fill the largest rectangle of background cells with the colour; of equal ones the topmost."""
    free = grid == background_of(grid)
    best = (0, 0, 0, 0, 0)  # area, top, left, bottom, right (the last two are not in it)
    heights = np.zeros(grid.shape[1], dtype=np.int64)
    for row, line in enumerate(free):
        heights = np.where(line, heights + 1, 0)
        open_bars: list[tuple[int, int]] = []  # (left, height), heights ascending
        for column, height in enumerate([*heights.tolist(), 0]):
            left = column
            while open_bars and open_bars[-1][1] >= height:
                left, tall = open_bars.pop()
                area = tall * (column - left)
                if area > best[0]:
                    best = (area, row + 1 - tall, left, row + 1, column)
            open_bars.append((left, height))
    out = np.array(grid)
    _, top, first, bottom, last = best
    out[top:bottom, first:last] = color
    return out


def extend_corners(grid: AnyArray, color: int = -1) -> Array:
    """Draw a diagonal from each corner of each object's box outward, as far as it is free.

    In the object's colour, or in `color`.
    """
    ground = background_of(grid)
    out = np.array(grid)
    height, width = grid.shape
    for thing in things(grid, "same_color"):
        ink = thing.color if color < 0 else color
        for row, down in ((thing.top, -1), (thing.bottom, 1)):
            for column, right in ((thing.left, -1), (thing.right, 1)):
                r, c = row + down, column + right
                while 0 <= r < height and 0 <= c < width and grid[r, c] == ground:
                    out[r, c] = ink
                    r, c = r + down, c + right
    return out


def repeat_objects(grid: AnyArray, direction: Direction = "right", gap: int = 1) -> Array:
    """Repeat each object in a direction up to the edge, `gap` cells between the copies.

    Where copies of two objects meet, those of the one ahead stay.
    """
    ground = background_of(grid)
    out = np.array(grid)
    ahead = {
        "right": lambda t: -t.right, "left": lambda t: t.left,
        "down": lambda t: -t.bottom, "up": lambda t: t.top,
    }  # fmt: skip
    for thing in sorted(things(grid, "any_color"), key=ahead[direction]):
        across = direction in ("left", "right")
        step = (thing.width if across else thing.height) + gap
        sign = 1 if direction in ("right", "down") else -1
        for k in range(1, max(grid.shape) // max(1, step) + 1):
            move = sign * k * step
            _stamp(out, thing, 0 if across else move, move if across else 0, ground)
    return out


def _stamp(out: Array, thing: Thing, down: int, right: int, ground: int) -> None:
    """Paint the moved thing on free cells, in place; what is outside is cut off."""
    height, width = out.shape
    for i in thing.flat:
        row, column = i // width + down, i % width + right
        if 0 <= row < height and 0 <= column < width and out[row, column] == ground:
            out[row, column] = thing.grid[i // width, i % width]


def bounce(grid: AnyArray, direction: Direction = "up") -> Array:
    """Send a diagonal from each single cell to the far edge; side edges reflect it.

    It starts to the right or downwards, and the other way from that edge itself.
    """
    upright = direction in ("up", "down")
    view = grid if upright else grid.T
    ground = background_of(grid)
    out = np.array(view)
    height, width = view.shape
    for thing in things(np.array(view, order="C"), "any_color"):
        if thing.size > 1:
            continue
        row, column = thing.top, thing.left
        step = -1 if column == width - 1 else 1
        while 0 <= row < height:
            if out[row, column] == ground:
                out[row, column] = thing.color
            row += -1 if direction in ("up", "left") else 1
            if not 0 <= column + step < width:
                step = -step
            if 0 <= column + step < width:
                column += step
    return np.array(out if upright else out.T)


def connect_panels(grid: AnyArray) -> Array:
    """In a lattice, panels between two panels of one colour in a row or column take the colour."""
    rows, columns = panel_spans(grid)
    ground = background_of(grid)
    colors = np.array([[grid[a, c] for c, _ in columns] for a, _ in rows])
    filled = colors.copy()
    for line, drawn in ((colors, filled), (colors.T, filled.T)):
        for cells, out in zip(line, drawn, strict=True):
            for color in set(cells.tolist()) - {ground}:
                places = np.flatnonzero(cells == color)
                between = out[places[0] : places[-1] + 1]
                between[between == ground] = color
    out = np.array(grid)
    for (a, b), line in zip(rows, filled, strict=True):
        for (c, d), color in zip(columns, line.tolist(), strict=True):
            out[a:b, c:d] = np.where(grid[a:b, c:d] == ground, color, grid[a:b, c:d])
    return out
