"""Repeating patterns: found, continued, restored, and drawn."""

import numpy as np

from arcbench.dsl.common._cells import box_of
from arcbench.dsl.concepts._types import AnyArray, Array, Axis, Direction
from arcbench.dsl.concepts.geometry import background_of

__all__ = [
    "continue_columns",
    "continue_rows",
    "draw_spiral",
    "extend_canvas",
    "fill_by_period",
    "grow_pattern",
    "hidden_by_period",
    "smallest_tile",
    "tile_content",
    "tile_to_size",
]


def _periods(known: AnyArray, grid: AnyArray) -> list[int]:
    """Row periods (smallest first) that no two known cells contradict; the height is the last."""
    height = len(grid)
    found = []
    for period in range(1, height // 2 + 1):
        both = known[period:] & known[:-period]
        if not ((grid[period:] != grid[:-period]) & both).any():
            found.append(period)
    return [*found, height]


def _fill_classes(grid: AnyArray, known: AnyArray, classes: AnyArray, count: int) -> Array | None:
    """All cells coloured by their class; None if a class is unknown or has two colours."""
    color_of = np.full(count, -1, dtype=np.int64)
    color_of[classes[known]] = grid[known]
    if (color_of < 0).any() or (color_of[classes[known]] != grid[known]).any():
        return None
    return np.array(color_of[classes])


def fill_by_period(grid: AnyArray, mask_color: int = 0) -> Array:
    """Restore the cells of the mask colour: the grid is the smallest repeating (or diagonal) tile.

    A copy of the grid if there is no pattern that explains all other cells.
    """
    known = grid != mask_color
    if known.all() or not known.any():
        return np.array(grid)
    height, width = grid.shape
    rows, columns = np.arange(height)[:, None], np.arange(width)[None]
    options: list[tuple[int, AnyArray]] = []
    for period in range(2, min(10, max(3, min(height, width)))):
        options.append((period, (rows + columns) % period))
        options.append((period, (rows - columns) % period))
    for p in _periods(known, grid):
        for q in _periods(known.T, grid.T):
            if 1 < p * q < grid.size:
                options.append((p * q, (rows % p) * q + columns % q))
    for count, classes in sorted(options, key=lambda option: option[0]):
        whole = _fill_classes(grid, known, classes, count)
        if whole is not None:
            return whole
    return np.array(grid)


def hidden_by_period(grid: AnyArray, mask_color: int = 0) -> Array:
    """The part that the mask colour hides, restored from the grid's repeating tile."""
    box = box_of(grid == mask_color)
    return np.array(grid if box is None else fill_by_period(grid, mask_color)[box])


def _tile_of(grid: AnyArray) -> Array:
    known = np.ones(grid.shape, dtype=bool)
    return np.array(grid[: _periods(known, grid)[0], : _periods(known.T, grid.T)[0]])


def tile_content(grid: AnyArray, axis: Axis = "vertical") -> Array:
    """Repeat the box of all content up and down ("vertical") or sideways, to the grid's edges."""
    if axis == "horizontal":
        return np.array(tile_content(grid.T).T)
    box = box_of(grid != background_of(grid))
    if box is None:
        return np.array(grid)
    band = grid[box[0]]
    return np.array(band[(np.arange(len(grid)) - box[0].start) % len(band)])


def smallest_tile(grid: AnyArray) -> Array:
    """The smallest tile whose repetition gives the whole grid."""
    return _tile_of(grid)


def grow_pattern(grid: AnyArray, direction: Direction = "right", length: int = 0) -> Array:
    """Continue the repeating pattern to `length` rows or columns (0: twice as long)."""
    height, width = grid.shape
    tile = _tile_of(grid)
    sideways = direction in ("left", "right")
    rows = height if sideways else (length or 2 * height)
    columns = (length or 2 * width) if sideways else width
    if direction in ("right", "down"):
        return tile_to_size(tile, rows, columns)
    mirrored = tile[::-1, ::-1]
    return np.array(tile_to_size(mirrored, rows, columns)[::-1, ::-1])


def tile_to_size(grid: AnyArray, rows: int, columns: int) -> Array:
    """Repeat the grid and cut it to `rows` × `columns`."""
    reps = (-(-rows // len(grid)), -(-columns // grid.shape[1]))
    return np.array(np.tile(grid, reps)[:rows, :columns])


def _continued(line: list[int]) -> list[int]:
    """A line whose end is black, with the pattern before that continued to the end."""
    filled = len(line)
    while filled and line[filled - 1] == 0:
        filled -= 1
    head = line[:filled]
    for period in range(1, filled + 1):
        if all(head[i] == head[i - period] for i in range(period, filled)):
            return [head[i % period] for i in range(len(line))]
    return line


def continue_rows(grid: AnyArray) -> Array:
    """Continue the repeating pattern of every row over the black cells at its right end."""
    return np.array([_continued(row) for row in grid.tolist()])


def continue_columns(grid: AnyArray) -> Array:
    """Continue the repeating pattern of every column over the black cells at its lower end."""
    return np.array(continue_rows(grid.T).T)


def extend_canvas(grid: AnyArray, rows: int = 2, columns: int = 2) -> Array:
    """Put the grid at the top left of a black grid that is `rows` × `columns` times as large."""
    height, width = grid.shape
    out = np.zeros((height * max(1, rows), width * max(1, columns)), dtype=np.int64)
    out[:height, :width] = grid
    return out


def draw_spiral(grid: AnyArray, color: int) -> Array:
    """Draw a spiral with gaps of one cell, clockwise from the top left corner inwards."""
    out = np.array(grid)
    height, width = grid.shape
    drawn = np.zeros((height + 4, width + 4), dtype=bool)  # two cells more at every side
    row, column, dr, dc = 0, 0, 0, 1

    def blocked(r: int, c: int) -> bool:
        """Whether (r, c) is outside, or it or the cell behind it is drawn already."""
        if not (0 <= r < height and 0 <= c < width):
            return True
        return bool(drawn[r + 2, c + 2] or drawn[r + 2 + dr, c + 2 + dc])

    while True:
        out[row, column] = color
        drawn[row + 2, column + 2] = True
        if blocked(row + dr, column + dc):
            dr, dc = dc, -dr
            if blocked(row + dr, column + dc):
                return out
        row, column = row + dr, column + dc
