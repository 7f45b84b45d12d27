"""Rows, columns and diagonals: extended, connected, sorted, removed, and cells that fall."""

from itertools import pairwise
from typing import Literal

import numpy as np

from arcbench.dsl.concepts._types import AnyArray, Array, Axis, Corner, Direction, Line
from arcbench.dsl.concepts.geometry import background_of, most_common

__all__ = [
    "cells_as_column",
    "cells_as_row",
    "checkerboard",
    "color_rows_by_position",
    "connect",
    "connect_columns",
    "connect_halfway",
    "connect_rows",
    "cycle_ring_colors",
    "denoise_stripes",
    "draw_border",
    "draw_cross",
    "draw_grid_lines",
    "extend_color",
    "extend_columns",
    "extend_diagonals",
    "extend_diagonals_of",
    "extend_rows",
    "fill_empty_lines",
    "fill_lines_with_cells",
    "gravity",
    "grow_staircase",
    "mark_crossings",
    "mark_uniform_lines",
    "recolor_alternate_lines",
    "remove_background_lines",
    "remove_uniform_lines",
    "reverse_rings",
    "shoot",
    "shoot_dashed",
    "shoot_diagonal",
    "sort_columns",
    "sort_rows",
    "unique_columns",
    "unique_lines",
    "unique_rows",
]

# Quarter turns that make the direction point down, and back.
_TURNS = {"down": 0, "right": 3, "up": 2, "left": 1}


def _facing_down(grid: AnyArray, direction: Direction) -> AnyArray:
    return np.rot90(grid, _TURNS[direction])


def _back(grid: AnyArray, direction: Direction) -> Array:
    return np.array(np.rot90(grid, -_TURNS[direction]))


def gravity(grid: AnyArray, direction: Direction = "down") -> Array:
    """Let every cell that is not background fall to the edge or onto other cells."""
    ground = background_of(grid)
    turned = _facing_down(grid, direction)
    order = np.argsort(turned != ground, axis=0, kind="stable")
    return _back(np.take_along_axis(turned, order, axis=0), direction)


def shoot(grid: AnyArray, direction: Direction = "down") -> Array:
    """Draw a ray of its colour from every cell to the edge, or up to the next cell."""
    ground = background_of(grid)
    turned = np.array(_facing_down(grid, direction))
    for i in range(1, len(turned)):
        free = turned[i] == ground
        turned[i, free] = turned[i - 1, free]
    return _back(turned, direction)


def shoot_diagonal(grid: AnyArray, corner: Corner = "bottom_right") -> Array:
    """Draw a diagonal ray of its colour from every cell towards a corner, over background only."""
    return _diagonals(grid, (corner,))


def extend_diagonals(grid: AnyArray) -> Array:
    """Draw all four diagonal rays from every cell, over background only."""
    return _diagonals(grid, ("top_left", "top_right", "bottom_left", "bottom_right"))


def _diagonals(grid: AnyArray, corners: tuple[Corner, ...]) -> Array:
    ground = background_of(grid)
    out = np.array(grid)
    for corner in corners:
        ray = np.array(grid)
        down = corner.startswith("bottom")
        right = corner.endswith("right")
        view = ray[:: 1 if down else -1, :: 1 if right else -1]
        for i in range(1, len(view)):
            free = view[i, 1:] == ground
            view[i, 1:][free] = view[i - 1, :-1][free]
        out = np.where(out == ground, ray, out)
    return out


def extend_rows(grid: AnyArray) -> Array:
    """Every cell that is not background gives its whole row its colour."""
    ground = background_of(grid)
    out = np.array(grid)
    for i, row in enumerate(grid):
        cells = row[row != ground]
        if len(cells):
            out[i] = cells[0]
    return out


def extend_columns(grid: AnyArray) -> Array:
    """Every cell that is not background gives its whole column its colour."""
    return np.array(extend_rows(grid.T).T)


def extend_color(grid: AnyArray, color: int, axis: Axis = "horizontal") -> Array:
    """Rows ("horizontal") or columns ("vertical") that hold the colour become all of it."""
    out = np.array(grid)
    if axis == "horizontal":
        out[(grid == color).any(1)] = color
    else:
        out[:, (grid == color).any(0)] = color
    return out


def draw_cross(grid: AnyArray, center_color: int = -1) -> Array:
    """Draw a cross through every cell, on background only; crossings of two get `center_color`.

    With -1 crossings take the colour of the column.
    """
    ground = background_of(grid)
    rows, columns = extend_rows(grid), extend_columns(grid)
    lines = np.where(columns != ground, columns, rows)
    if center_color >= 0:
        lines = np.where((columns != ground) & (rows != ground), center_color, lines)
    return np.where(grid == ground, lines, grid)


def connect_rows(grid: AnyArray, color: int = -1) -> Array:
    """Fill between two cells of one colour in a row that have only background between them.

    With `color` given the filling has it, otherwise that of the two cells.
    """
    ground = background_of(grid)
    out = np.array(grid)
    for i, row in enumerate(grid):
        places = np.flatnonzero(row != ground).tolist()
        for a, b in pairwise(places):
            if row[a] == row[b] and b > a + 1:
                out[i, a + 1 : b] = row[a] if color < 0 else color
    return out


def connect_columns(grid: AnyArray, color: int = -1) -> Array:
    """Fill between two cells of one colour in a column that have only background between them."""
    return np.array(connect_rows(grid.T, color).T)


def connect(grid: AnyArray, color: int = -1) -> Array:
    """Fill between two cells of one colour that face each other in a row or a column."""
    columns = connect_columns(grid, color)
    return np.where(columns != grid, columns, connect_rows(grid, color))


def connect_halfway(grid: AnyArray, middle_color: int) -> Array:
    """Between two cells of different colours in a row: each fills its half, the middle is marked.

    An even gap has no middle cell.
    """
    ground = background_of(grid)
    out = np.array(grid)
    for i, row in enumerate(grid):
        places = np.flatnonzero(row != ground).tolist()
        for a, b in pairwise(places):
            gap = b - a - 1
            out[i, a + 1 : a + 1 + gap // 2] = row[a]
            out[i, b - gap // 2 : b] = row[b]
            if gap % 2:
                out[i, a + 1 + gap // 2] = middle_color
    return out


def shoot_dashed(grid: AnyArray, direction: Direction, color: int) -> Array:
    """Draw a ray from every cell that alternates between the colour and the cell's own."""
    ground = background_of(grid)
    turned = np.array(_facing_down(grid, direction))
    for column in turned.T:
        own, steps = ground, 0
        for i, value in enumerate(column.tolist()):
            if value != ground:
                own, steps = value, 0
            elif own != ground:
                steps += 1
                column[i] = color if steps % 2 else own
    return _back(turned, direction)


def mark_crossings(grid: AnyArray, color: int) -> Array:
    """Colour the background where the rows and columns meet that start at cells of the edges.

    Columns start at the top or bottom row, rows at the left or right column: the fuller of both.
    """
    content = grid != background_of(grid)
    rows = max(content[:, 0], content[:, -1], key=lambda line: int(line.sum()))
    columns = max(content[0], content[-1], key=lambda line: int(line.sum()))
    return np.where(rows[:, None] & columns[None] & ~content, color, grid)


def extend_diagonals_of(grid: AnyArray, color: int) -> Array:
    """Draw both diagonals through every cell of the colour, over everything."""
    cells = np.argwhere(grid == color)
    rows, columns = np.indices(grid.shape)
    out = np.array(grid)
    for row, column in cells.tolist():
        out[np.abs(rows - row) == np.abs(columns - column)] = color
    return out


def color_rows_by_position(
    grid: AnyArray, left_color: int, middle_color: int, right_color: int
) -> Array:
    """Colour each row by where its first cell is: in the left, middle or right third."""
    ground = background_of(grid)
    colors = (left_color, middle_color, right_color)
    out = np.array(grid)
    for i, row in enumerate(grid):
        places = np.flatnonzero(row != ground)
        if len(places):
            out[i] = colors[3 * int(places[0]) // len(row)]
    return out


def cycle_ring_colors(grid: AnyArray) -> Array:
    """Every colour becomes the one that first appears outside of it, the outermost the innermost.

    Colours are taken along the diagonal from the outer corner to the centre.
    """
    line = [int(grid[k, k]) for k in range((min(grid.shape) + 1) // 2)]
    order = list(dict.fromkeys(line))
    out = np.array(grid)
    for i, color in enumerate(order):
        out[grid == color] = order[i - 1]
    return out


def fill_empty_lines(grid: AnyArray, color: int) -> Array:
    """Give the colour to all rows and columns that hold nothing but background."""
    empty = grid == background_of(grid)
    return np.where(empty.all(1)[:, None] | empty.all(0)[None], color, grid)


def fill_lines_with_cells(grid: AnyArray, color: int, axis: Axis = "vertical") -> Array:
    """Colour the background of the columns ("vertical") or rows that hold any other cell."""
    ground = background_of(grid)
    content = grid != ground
    lines = content.any(0)[None] if axis == "vertical" else content.any(1)[:, None]
    return np.where(lines & ~content, color, grid)


def mark_uniform_lines(grid: AnyArray, line: Line = "row", color: int = 5) -> Array:
    """Give the colour to rows (or columns) of one single colour; everything else gets black."""
    if line == "column":
        return np.array(mark_uniform_lines(grid.T, "row", color).T)
    same = (grid == grid[:, :1]).all(1)
    return np.array(np.where(same[:, None], color, np.zeros_like(grid)))


def recolor_alternate_lines(
    grid: AnyArray, line: Line, start: Literal[0, 1, -1, -2], old_color: int, new_color: int
) -> Array:
    """Recolor in every second row or column, from `start` (negative: from the far end)."""
    if line == "column":
        return np.array(recolor_alternate_lines(grid.T, "row", start, old_color, new_color).T)
    out = np.array(grid)
    places = slice(start, None, 2) if start >= 0 else slice(start, None, -2)
    out[places] = np.where(grid[places] == old_color, new_color, grid[places])
    return out


def _ends(keep: AnyArray) -> AnyArray:
    """All lines where none would be left."""
    return keep if keep.any() else np.ones_like(keep)


def remove_background_lines(grid: AnyArray) -> Array:
    """Drop the rows and columns that hold nothing but background."""
    content = grid != background_of(grid)
    return np.array(grid[_ends(content.any(1))][:, _ends(content.any(0))])


def remove_uniform_lines(grid: AnyArray) -> Array:
    """Drop the rows and columns of one single colour."""
    rows = (grid != grid[:, :1]).any(1)
    columns = (grid != grid[:1]).any(0)
    return np.array(grid[_ends(rows)][:, _ends(columns)])


def unique_rows(grid: AnyArray) -> Array:
    """Keep of neighbouring equal rows only the first."""
    keep = np.ones(len(grid), dtype=bool)
    keep[1:] = (grid[1:] != grid[:-1]).any(1)
    return np.array(grid[keep])


def unique_columns(grid: AnyArray) -> Array:
    """Keep of neighbouring equal columns only the first."""
    return np.array(unique_rows(grid.T).T)


def unique_lines(grid: AnyArray) -> Array:
    """Keep of neighbouring equal rows, and of equal columns, only the first."""
    return unique_columns(unique_rows(grid))


def sort_rows(grid: AnyArray, descending: bool = False) -> Array:
    """Sort rows by their number of cells that are not background, the emptiest at the top."""
    counts = (grid != background_of(grid)).sum(1)
    return np.array(grid[np.argsort(-counts if descending else counts, kind="stable")])


def sort_columns(grid: AnyArray, descending: bool = False) -> Array:
    """Sort columns by their number of cells that are not background, the emptiest first."""
    return np.array(sort_rows(grid.T, descending).T)


def cells_as_row(grid: AnyArray) -> Array:
    """All cells that are not black in reading order, as one row."""
    cells = grid[grid != 0]
    return cells[None].copy() if cells.size else np.array(grid)


def cells_as_column(grid: AnyArray) -> Array:
    """All cells that are not black, column by column, as one column."""
    return np.array(cells_as_row(grid.T).T) if (grid != 0).any() else np.array(grid)


def checkerboard(grid: AnyArray) -> Array:
    """Lay the colours of the first two cells out as a checkerboard over the whole grid."""
    first = int(grid[0, 0])
    second = int(grid[0, -1] if grid.shape[1] > 1 else grid[-1, 0])
    odd = np.add.outer(np.arange(len(grid)), np.arange(grid.shape[1])) % 2
    return np.where(odd == 1, second, first)


def draw_border(grid: AnyArray, color: int, width: int = 1) -> Array:
    """Colour the outermost cells of the grid."""
    out = np.full(grid.shape, color, dtype=np.int64)
    if min(grid.shape) > 2 * width:
        out[width:-width, width:-width] = grid[width:-width, width:-width]
    return out


def draw_grid_lines(grid: AnyArray, color: int, step: int = 2, start: int = 0) -> Array:
    """Colour every `step`-th row and column, from `start`."""
    out = np.array(grid)
    out[start::step] = color
    out[:, start::step] = color
    return out


def reverse_rings(grid: AnyArray) -> Array:
    """Give concentric rings their colours in the opposite order, the innermost outside."""
    height, width = grid.shape
    depth = (min(height, width) + 1) // 2
    rows = np.minimum(np.arange(height), np.arange(height)[::-1])
    columns = np.minimum(np.arange(width), np.arange(width)[::-1])
    ring = np.minimum(rows[:, None], columns[None])
    colors = np.array([grid[k, k] for k in range(depth)])
    return np.array(colors[depth - 1 - ring])


def denoise_stripes(grid: AnyArray) -> Array:
    """Remove noise from a grid of stripes: each row, or each column, becomes its main colour."""
    rows = np.array([[most_common(row)] for row in grid])
    columns = np.array([[most_common(column) for column in grid.T]])
    by_row = int((grid == rows).sum())
    by_column = int((grid == columns).sum())
    best = rows if by_row >= by_column else columns
    return np.array(np.broadcast_to(best, grid.shape))


def grow_staircase(grid: AnyArray) -> Array:
    """From a single row make half as many rows as it is long, each with one cell more."""
    if len(grid) != 1 or grid.shape[1] < 2:
        return np.array(grid)
    row = grid[0]
    filled = int((row != 0).sum())
    out = np.tile(row, (max(1, len(row) // 2), 1))
    for i in range(len(out)):
        out[i, : min(len(row), filled + i)] = row[0]
    return out
