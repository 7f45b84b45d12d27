"""Flips, turns, tilings, scalings, crops and shifts of the whole grid."""

import numpy as np

from arcbench.dsl.common._cells import box_of
from arcbench.dsl.concepts._types import AnyArray, Array, Axis, Corner, Direction, Line, Side

__all__ = [
    "add_border",
    "bottom_half",
    "concat_horizontal",
    "concat_vertical",
    "crop_corner",
    "crop_to_color",
    "crop_to_content",
    "double_edges",
    "downscale",
    "flip_antidiagonal",
    "flip_horizontal",
    "flip_vertical",
    "fractal",
    "fractal_inverse",
    "fractal_of_color",
    "fractal_of_least_common",
    "fractal_of_most_common",
    "half",
    "keep_middle_line",
    "left_half",
    "mirror",
    "mirror_at_edge",
    "mirror_four",
    "mirror_four_centered",
    "overlay_corners",
    "remove_border",
    "repeat",
    "right_half",
    "roll",
    "rotate_180",
    "rotate_clockwise",
    "rotate_counterclockwise",
    "rotate_four",
    "rotations_in_square",
    "scale_to_cell_blocks",
    "shift",
    "stretch",
    "third",
    "tile_checkered_flip",
    "tile_flipped_rows",
    "top_half",
    "transpose",
    "upscale",
    "upscale_by_cell_count",
    "upscale_by_color_count",
]


def most_common(grid: AnyArray) -> int:
    """The most common colour; the smaller one of two equally common ones."""
    return int(np.bincount(grid.ravel(), minlength=10).argmax())


def background_of(grid: AnyArray) -> int:
    """Black where the grid has black cells, else its most common colour."""
    counts = np.bincount(grid.ravel(), minlength=10)
    return 0 if counts[0] else int(counts.argmax())


def flip_horizontal(grid: AnyArray) -> Array:
    """Mirror the grid left to right."""
    return np.array(grid[:, ::-1])


def flip_vertical(grid: AnyArray) -> Array:
    """Mirror the grid top to bottom."""
    return np.array(grid[::-1])


def rotate_clockwise(grid: AnyArray) -> Array:
    """Turn the grid by a quarter clockwise."""
    return np.array(np.rot90(grid, -1))


def rotate_counterclockwise(grid: AnyArray) -> Array:
    """Turn the grid by a quarter counterclockwise."""
    return np.array(np.rot90(grid))


def rotate_180(grid: AnyArray) -> Array:
    """Turn the grid by half a turn."""
    return np.array(grid[::-1, ::-1])


def transpose(grid: AnyArray) -> Array:
    """Mirror the grid at the diagonal from the top left: rows become columns."""
    return np.array(grid.T)


def flip_antidiagonal(grid: AnyArray) -> Array:
    """Mirror the grid at the diagonal from the top right."""
    return np.array(grid[::-1, ::-1].T)


def repeat(grid: AnyArray, rows: int = 2, columns: int = 2) -> Array:
    """Lay copies of the grid side by side, `rows` × `columns` times."""
    return np.array(np.tile(grid, (rows, columns)))


def concat_horizontal(grid: AnyArray, other: AnyArray) -> Array:
    """Put `other` to the right of the grid; a copy of the grid where the heights differ."""
    return np.hstack((grid, other)) if len(grid) == len(other) else np.array(grid)


def concat_vertical(grid: AnyArray, other: AnyArray) -> Array:
    """Put `other` below the grid; a copy of the grid where the widths differ."""
    same = grid.shape[1] == other.shape[1]
    return np.vstack((grid, other)) if same else np.array(grid)


def mirror(grid: AnyArray, side: Side = "right") -> Array:
    """Append the mirrored grid at a side: the result is twice as long in that direction."""
    if side == "right":
        return np.hstack((grid, grid[:, ::-1]))
    if side == "left":
        return np.hstack((grid[:, ::-1], grid))
    if side == "bottom":
        return np.vstack((grid, grid[::-1]))
    return np.vstack((grid[::-1], grid))


def mirror_four(grid: AnyArray) -> Array:
    """Kaleidoscope: the grid at the top left, mirrored to the right and then down."""
    return mirror(mirror(grid, "right"), "bottom")


def mirror_four_centered(grid: AnyArray) -> Array:
    """Kaleidoscope with the grid at the bottom right, mirrored to the left and then up."""
    return mirror(mirror(grid, "left"), "top")


def rotate_four(grid: AnyArray, clockwise: bool = True) -> Array:
    """Four turned copies around the centre, the grid itself at the top left (square grids)."""
    if grid.shape[0] != grid.shape[1]:
        return np.array(grid)
    turn = -1 if clockwise else 1
    one, two, three = (np.rot90(grid, turn * k) for k in (1, 2, 3))
    return np.vstack((np.hstack((grid, one)), np.hstack((three, two))))


def tile_checkered_flip(grid: AnyArray, rows: int = 3, columns: int = 3) -> Array:
    """Tile the grid, every second tile of a row mirrored left to right and of a column top down."""
    four = np.vstack((np.hstack((grid, grid[:, ::-1])), np.hstack((grid[::-1], grid[::-1, ::-1]))))
    height, width = grid.shape
    reps = ((rows + 1) // 2, (columns + 1) // 2)
    return np.array(np.tile(four, reps)[: rows * height, : columns * width])


def tile_flipped_rows(grid: AnyArray, rows: int = 3, columns: int = 3) -> Array:
    """Tile the grid, each second row of tiles mirrored left to right."""
    plain = np.tile(grid, (1, columns))
    mirrored = np.tile(grid[:, ::-1], (1, columns))
    return np.vstack([mirrored if i % 2 else plain for i in range(rows)])


def upscale(grid: AnyArray, factor: int = 2) -> Array:
    """Make every cell a block of `factor` × `factor` cells."""
    return np.array(grid.repeat(factor, 0).repeat(factor, 1))


def stretch(grid: AnyArray, axis: Axis = "horizontal", factor: int = 2) -> Array:
    """Make every cell `factor` cells wide ("horizontal") or high ("vertical")."""
    return np.array(grid.repeat(factor, 1 if axis == "horizontal" else 0))


def upscale_by_color_count(grid: AnyArray) -> Array:
    """Upscale by the number of colours that are not black."""
    return upscale(grid, max(1, len(set(grid.ravel().tolist()) - {0})))


def upscale_by_cell_count(grid: AnyArray) -> Array:
    """Upscale by the number of cells that are not black."""
    return upscale(grid, min(30, max(1, int((grid != 0).sum()))))


def downscale(grid: AnyArray, factor: int = 2) -> Array:
    """Keep the top left cell of every block of `factor` × `factor` cells."""
    return np.array(grid[::factor, ::factor])


def scale_to_cell_blocks(grid: AnyArray) -> Array:
    """Shrink a grid of equal blocks to one cell a block, whatever the block size."""
    height, width = grid.shape
    for factor in range(min(height, width), 1, -1):
        if height % factor or width % factor:
            continue
        small = grid[::factor, ::factor]
        if (upscale(small, factor) == grid).all():
            return np.array(small)
    return np.array(grid)


def _fractal(grid: AnyArray, mask: AnyArray) -> Array:
    return np.array(np.kron(mask.astype(np.int64), grid), dtype=np.int64)


def fractal(grid: AnyArray) -> Array:
    """Put a copy of the grid where a cell is not black, black elsewhere (side is squared)."""
    return _fractal(grid, grid != 0)


def fractal_inverse(grid: AnyArray) -> Array:
    """Put a copy of the grid where a cell is black, black elsewhere (side is squared)."""
    return _fractal(grid, grid == 0)


def fractal_of_color(grid: AnyArray, color: int) -> Array:
    """Put a copy of the grid where a cell has the colour, black elsewhere."""
    return _fractal(grid, grid == color)


def fractal_of_most_common(grid: AnyArray) -> Array:
    """Put a copy of the grid where a cell has the most common colour, black elsewhere."""
    return _fractal(grid, grid == most_common(grid))


def fractal_of_least_common(grid: AnyArray) -> Array:
    """Put a copy of the grid where a cell has the least common colour, black elsewhere."""
    counts = np.bincount(grid.ravel(), minlength=10)
    counts[counts == 0] = 10_000
    return _fractal(grid, grid == int(counts.argmin()))


def crop_to_content(grid: AnyArray) -> Array:
    """Crop to the box around all cells that are not background (black, or the most common)."""
    return _crop_to_mask(grid, grid != background_of(grid))


def crop_to_color(grid: AnyArray, color: int) -> Array:
    """Crop to the box around the cells of the colour."""
    return _crop_to_mask(grid, grid == color)


def _crop_to_mask(grid: AnyArray, mask: AnyArray) -> Array:
    box = box_of(mask)
    return np.array(grid if box is None else grid[box])


def left_half(grid: AnyArray) -> Array:
    """The left half; the middle column of an odd width is left out."""
    return np.array(grid[:, : max(1, grid.shape[1] // 2)])


def right_half(grid: AnyArray) -> Array:
    """The right half; the middle column of an odd width is left out."""
    return np.array(grid[:, -max(1, grid.shape[1] // 2) :])


def top_half(grid: AnyArray) -> Array:
    """The top half; the middle row of an odd height is left out."""
    return np.array(grid[: max(1, grid.shape[0] // 2)])


def bottom_half(grid: AnyArray) -> Array:
    """The bottom half; the middle row of an odd height is left out."""
    return np.array(grid[-max(1, grid.shape[0] // 2) :])


def half(grid: AnyArray) -> Array:
    """The first half along the longer side."""
    return left_half(grid) if grid.shape[1] > grid.shape[0] else top_half(grid)


def third(grid: AnyArray) -> Array:
    """The first third along the longer side."""
    height, width = grid.shape
    return np.array(grid[:, : -(-width // 3)] if width > height else grid[: -(-height // 3)])


def crop_corner(grid: AnyArray, corner: Corner = "top_left", size: int = 3) -> Array:
    """The `size` × `size` cells in a corner."""
    rows = slice(0, size) if corner.startswith("top") else slice(-size, None)
    columns = slice(0, size) if corner.endswith("left") else slice(-size, None)
    return np.array(grid[rows, columns])


def keep_middle_line(grid: AnyArray, line: Line = "column") -> Array:
    """Keep the middle column or row; everything else becomes black."""
    out = np.zeros(grid.shape, dtype=np.int64)
    place = grid.shape[0] // 2 if line == "row" else grid.shape[1] // 2
    if line == "row":
        out[place] = grid[place]
    else:
        out[:, place] = grid[:, place]
    return out


def double_edges(grid: AnyArray) -> Array:
    """Repeat the outermost cells once around the grid; the four new corners are black."""
    out = np.pad(grid, 1, mode="edge")
    out[[0, 0, -1, -1], [0, -1, 0, -1]] = 0
    return np.array(out)


def overlay_corners(grid: AnyArray, size: int = 3) -> Array:
    """Lay the four `size` × `size` corners over each other: black is transparent."""
    out = np.array(grid[:size, :size])
    for part in (grid[:size, -size:], grid[-size:, :size], grid[-size:, -size:]):
        out = np.where(out == 0, part, out)
    return out


def mirror_at_edge(grid: AnyArray, side: Side = "bottom") -> Array:
    """Append the mirrored grid at a side without doubling the line at the edge."""
    if side == "right":
        return np.hstack((grid, grid[:, -2::-1]))
    if side == "left":
        return np.hstack((grid[:, :0:-1], grid))
    if side == "bottom":
        return np.vstack((grid, grid[-2::-1]))
    return np.vstack((grid[:0:-1], grid))


def rotations_in_square(grid: AnyArray) -> Array:
    """The grid, and its turns by one quarter (right), two (lower left) and three (lower right)."""
    if grid.shape[0] != grid.shape[1]:
        return np.array(grid)
    one, two, three = (np.rot90(grid, k) for k in (1, 2, 3))
    return np.vstack((np.hstack((grid, one)), np.hstack((two, three))))


def remove_border(grid: AnyArray, width: int = 1) -> Array:
    """Cut `width` cells off at every side."""
    if min(grid.shape) <= 2 * width:
        return np.array(grid)
    return np.array(grid[width:-width, width:-width])


def add_border(grid: AnyArray, color: int = 0, width: int = 1) -> Array:
    """Put a frame of the colour around the grid, which grows by `width` at every side."""
    return np.pad(grid, width, constant_values=color)


def shift(grid: AnyArray, direction: Direction = "down", steps: int = 1) -> Array:
    """Move every cell; what leaves the grid is lost and black comes in."""
    out = np.zeros(grid.shape, dtype=np.int64)
    height, width = grid.shape
    if direction == "down":
        out[steps:] = grid[: max(0, height - steps)]
    elif direction == "up":
        out[: max(0, height - steps)] = grid[steps:]
    elif direction == "right":
        out[:, steps:] = grid[:, : max(0, width - steps)]
    else:
        out[:, : max(0, width - steps)] = grid[:, steps:]
    return out


def roll(grid: AnyArray, direction: Direction = "down", steps: int = 1) -> Array:
    """Move every cell; what leaves the grid comes in at the other side."""
    sign = 1 if direction in ("down", "right") else -1
    return np.roll(grid, sign * steps, 0 if direction in ("down", "up") else 1)
