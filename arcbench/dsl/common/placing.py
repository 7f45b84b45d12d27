"""Copying, moving and scaling of sprites and objects."""

import operator
from typing import Any

import numpy as np

from ._cells import Grid, as_index
from .colors import BLACK
from .measuring import bounding_box


def blit(grid: Grid, sprite: Grid, x: Any = 0, y: Any = 0, background: Any = None) -> Grid:
    """Write `sprite` into `grid`, its cell (0, 0) at (x, y), and return that same grid.

    Cells outside the grid are skipped; so are cells of colour `background` if one is given.
    """
    x, y = int(x), int(y)
    if np.may_share_memory(grid, sprite):
        return _blit_by_cells(grid, sprite, x, y, background)
    width, height = sprite.shape
    left, right = max(x, 0), min(x + width, grid.shape[0])
    upper, lower = max(y, 0), min(y + height, grid.shape[1])
    if left < right and upper < lower:
        target = grid[left:right, upper:lower]
        source = sprite[left - x : right - x, upper - y : lower - y]
        shown: Any = True if background is None else source != background
        np.copyto(target, source, casting="unsafe", where=shown)
    return grid


def _blit_by_cells(grid: Grid, sprite: Grid, x: int, y: int, background: Any) -> Grid:
    """Blit a view of the grid onto itself: cells already written are read again, x outer."""
    for i in range(max(0, -x), min(sprite.shape[0], grid.shape[0] - x)):
        for j in range(max(0, -y), min(sprite.shape[1], grid.shape[1] - y)):
            color = sprite[i, j]
            if background is None or color != background:
                grid[x + i, y + j] = color
    return grid


def blit_object(grid: Grid, obj: Grid, background: Any = BLACK) -> Grid:
    """Write an object into `grid` where it stands, without its background; return the grid."""
    return blit(grid, obj, x=0, y=0, background=background)


def blit_sprite(grid: Grid, sprite: Grid, x: Any, y: Any, background: Any = BLACK) -> Grid:
    """Write `sprite` into `grid` at (x, y) without its background cells; return the grid."""
    return blit(grid, sprite, x=x, y=y, background=background)


def crop(grid: Grid, background: Any = BLACK) -> Grid:
    """Return the bounding box's content as a view; shape (0, 0) if all is background."""
    x, y, width, height = bounding_box(grid, background)
    return grid[x : x + width, y : y + height]


def translate(obj: Grid, x: Any, y: Any, background: Any = BLACK) -> Grid:
    """Return a copy with every cell moved by (+x, +y); what leaves is lost, the rest background.

    Offsets that are no integers are an IndexError.
    """
    moved = np.full_like(obj, background)
    return blit(moved, obj, x=as_index(x), y=as_index(y))


def scale_sprite(sprite: Grid, factor: Any) -> Grid:
    """Return the sprite with each cell as a factor×factor block; a float factor is a TypeError."""
    times = operator.index(factor)
    return sprite.repeat(times, axis=0).repeat(times, axis=1)


def scale_pattern(pattern: Grid, scale_factor: Any) -> Grid:
    """The old name of `scale_sprite`: each cell becomes a block of scale_factor × scale_factor."""
    return scale_sprite(pattern, scale_factor)
