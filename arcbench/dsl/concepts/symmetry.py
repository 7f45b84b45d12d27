"""Symmetry: made, completed, and used to restore what a mask hides."""

from collections.abc import Iterator
from typing import Literal

import numpy as np

from arcbench.dsl.common._cells import box_of
from arcbench.dsl.concepts._types import AnyArray, Array
from arcbench.dsl.concepts.geometry import background_of

__all__ = [
    "color_if_symmetric",
    "complete_symmetry",
    "fill_by_symmetry",
    "hidden_by_symmetry",
    "mirror_half_onto_other",
    "symmetrize",
    "symmetrize_content",
]

Kind = Literal["horizontal", "vertical", "both", "diagonal", "half_turn", "quarter_turn", "all"]
HalfName = Literal["top", "bottom", "left", "right"]


def _images(grid: AnyArray, kind: Kind) -> list[AnyArray]:
    """The grid under the symmetries of that kind, itself first."""
    square = grid.shape[0] == grid.shape[1]
    if kind == "horizontal":
        return [grid, grid[:, ::-1]]
    if kind == "vertical":
        return [grid, grid[::-1]]
    if kind == "half_turn":
        return [grid, grid[::-1, ::-1]]
    if kind == "diagonal":
        return [grid, grid.T] if square else [grid]
    mirrored = [grid, grid[:, ::-1], grid[::-1], grid[::-1, ::-1]]
    if kind == "both":
        return mirrored
    if kind == "quarter_turn":
        return [np.rot90(grid, k) for k in range(4)] if square else [grid, grid[::-1, ::-1]]
    return [*mirrored, *(image.T for image in mirrored)] if square else mirrored


def symmetrize(grid: AnyArray, kind: Kind = "horizontal") -> Array:
    """Make the grid symmetric: background takes the colours of the mirrored (turned) places."""
    ground = background_of(grid)
    out = np.array(grid)
    for image in _images(grid, kind)[1:]:
        out = np.where(out == ground, image, out)
    return out


def symmetrize_content(grid: AnyArray, kind: Kind = "horizontal") -> Array:
    """Make what is in the box around all content symmetric within that box."""
    ground = background_of(grid)
    box = box_of(grid != ground)
    out = np.array(grid)
    if box is not None:
        part = grid[box]
        for image in _images(part, kind)[1:]:
            out[box] = np.where(out[box] == ground, image, out[box])
    return out


def complete_symmetry(grid: AnyArray, kind: Kind = "both") -> Array:
    """Complete a figure that is partly symmetric: find its centre, then fill the missing images.

    The centre is where most cells have all images in their colour and none has one in another.
    """
    ground = background_of(grid)
    content = grid != ground
    size = int(np.count_nonzero(content))
    box = box_of(content)
    best_score, best = 0, np.array(grid)
    if box is None or size < 2:
        return best
    height, width = grid.shape
    top, bottom, left, right = box[0].start, box[0].stop - 1, box[1].start, box[1].stop - 1
    is_turned = kind in ("all", "diagonal", "quarter_turn")
    # Sums of opposite indices, that is, twice the centre; only near the middle of the content.
    reach = min(8, max(bottom - top, right - left) // 2 + 2)
    for total_row in range(top + bottom - reach, top + bottom + reach + 1):
        for total_column in range(left + right - reach, left + right + reach + 1):
            if is_turned and (total_row - total_column) % 2:
                continue
            reach_row = min(total_row, 2 * (height - 1) - total_row)
            reach_column = min(total_column, 2 * (width - 1) - total_column)
            if reach_row < 0 or reach_column < 0:
                continue
            if is_turned:
                reach_row = reach_column = min(reach_row, reach_column)
            rows = slice((total_row - reach_row) // 2, (total_row + reach_row) // 2 + 1)
            columns = slice(
                (total_column - reach_column) // 2, (total_column + reach_column) // 2 + 1
            )
            if rows.start > top or rows.stop <= bottom:
                continue
            if columns.start > left or columns.stop <= right:
                continue
            part, filled = grid[rows, columns], content[rows, columns]
            images, whole_orbit = _images(part, kind)[1:], filled
            for image in images:
                same = part == image
                if np.count_nonzero((image != ground) & filled & ~same):
                    break
                whole_orbit = whole_orbit & same
            else:
                # A colour that is symmetric as a whole marks the centre; then its cells count.
                torn = set(part[filled & ~whole_orbit].tolist())
                marks = size - sum(int(np.count_nonzero(part == color)) for color in torn)
                score = 1 + int(np.count_nonzero(whole_orbit)) + 100 * min(marks, 9)
                if score <= best_score:
                    continue
                best_score, best = score, np.array(grid)
                for image in images:
                    view = best[rows, columns]
                    np.copyto(view, image, where=view == ground)
    return best


def color_if_symmetric(
    grid: AnyArray, yes_color: int, no_color: int, kind: Kind = "horizontal"
) -> Array:
    """One cell: `yes_color` if the grid has the symmetry, otherwise `no_color`."""
    same = all(
        image.shape == grid.shape and bool((image == grid).all()) for image in _images(grid, kind)
    )
    return np.array([[yes_color if same else no_color]])


def mirror_half_onto_other(grid: AnyArray, half: HalfName = "top") -> Array:
    """Replace the other half of the grid by the mirror image of this half."""
    out = np.array(grid)
    height, width = grid.shape
    if half == "top":
        out[(height + 1) // 2 :] = grid[: height // 2][::-1]
    elif half == "bottom":
        out[: height // 2] = grid[(height + 1) // 2 :][::-1]
    elif half == "left":
        out[:, (width + 1) // 2 :] = grid[:, : width // 2][:, ::-1]
    else:
        out[:, : width // 2] = grid[:, (width + 1) // 2 :][:, ::-1]
    return out


def _mirrored_at(grid: AnyArray, total: int, fill: int) -> AnyArray:
    """The grid with rows r and `total` - r exchanged; rows that have no partner are `fill`."""
    height = len(grid)
    out = np.full_like(grid, fill)
    low, high = max(0, total - height + 1), min(height - 1, total)
    out[low : high + 1] = grid[low : high + 1][::-1]
    return out


def _candidates(grid: AnyArray, mask_color: int) -> Iterator[AnyArray]:
    """Mirror images at axes near the middle, the nearest axes first, and at the diagonals."""
    height, width = grid.shape
    for offset in sorted(range(-(height // 4), height // 4 + 1), key=abs):
        yield _mirrored_at(grid, height - 1 + offset, mask_color)
    for offset in sorted(range(-(width // 4), width // 4 + 1), key=abs):
        yield _mirrored_at(grid.T, width - 1 + offset, mask_color).T
    if height == width:
        yield grid.T
        yield grid[::-1, ::-1].T
        for offset in (1, 2):
            image = np.full_like(grid, mask_color)
            image[offset:, offset:] = grid[offset:, offset:][::-1, ::-1].T
            yield image


def fill_by_symmetry(grid: AnyArray, mask_color: int) -> Array:
    """Restore the cells of the mask colour from the grid's own symmetries (axes near the middle).

    A symmetry counts if no two known cells contradict it and it compares half of them.
    """
    hidden = grid == mask_color
    if not hidden.any() or hidden.all():
        return np.array(grid)
    out = np.array(grid)
    need = int((~hidden).sum()) // 2
    for _ in range(2):  # a second round for cells whose mirror image was hidden too
        for image in _candidates(out, mask_color):
            both = (out != mask_color) & (image != mask_color)
            if int(both.sum()) >= need and not ((out != image) & both).any():
                out = np.where(out == mask_color, image, out)
                if not (out == mask_color).any():
                    return out
    return out


def hidden_by_symmetry(grid: AnyArray, mask_color: int) -> Array:
    """The part that the mask colour hides, restored from the grid's own symmetries."""
    box = box_of(grid == mask_color)
    return np.array(grid if box is None else fill_by_symmetry(grid, mask_color)[box])
