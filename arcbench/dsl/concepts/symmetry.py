"""Symmetry: made, completed, and used to restore what a mask hides."""

from collections.abc import Iterator
from typing import Literal

import numpy as np

from arcbench.dsl.concepts._types import AnyArray, Array
from arcbench.dsl.concepts.geometry import background_of

__all__ = [
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
    content = grid != background_of(grid)
    rows, columns = np.flatnonzero(content.any(1)), np.flatnonzero(content.any(0))
    out = np.array(grid)
    if len(rows):
        box = (slice(rows[0], rows[-1] + 1), slice(columns[0], columns[-1] + 1))
        ground = background_of(grid)
        part = grid[box]
        for image in _images(part, kind)[1:]:
            out[box] = np.where(out[box] == ground, image, out[box])
    return out


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
    hidden = grid == mask_color
    rows, columns = np.flatnonzero(hidden.any(1)), np.flatnonzero(hidden.any(0))
    if not len(rows):
        return np.array(grid)
    whole = fill_by_symmetry(grid, mask_color)
    return np.array(whole[rows[0] : rows[-1] + 1, columns[0] : columns[-1] + 1])
