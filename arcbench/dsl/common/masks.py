"""Inside, edge and surroundings of an object, as bool arrays of the grid's shape."""

from typing import Any

import numpy as np

from ._cells import Grid, Mask, connected_from, dilate, label
from .colors import BLACK


def object_interior(grid: Grid, background: Any = BLACK) -> Mask:
    """True for the object and its enclosed holes.

    That is every cell that cannot be reached from the edge through 4-connected background.
    """
    empty = np.pad(grid == background, 1, constant_values=True)
    inside = np.ones(empty.shape, dtype=bool)
    inside[connected_from(empty, 0, 0, connectivity=4)] = False
    return inside[1:-1, 1:-1].copy()


def object_boundary(grid: Grid, background: Any = BLACK) -> Mask:
    """True for the object's cells that lie on the array's edge or are 4-adjacent to the outside.

    A cell that is next to an enclosed hole only is no boundary.
    """
    outside = np.pad(~object_interior(grid, background), 1, constant_values=True)
    boundary: Mask = dilate(outside, connectivity=4)[1:-1, 1:-1] & (grid != background)
    return boundary


def object_neighbors(grid: Grid, background: Any = BLACK, connectivity: int = 4) -> Mask:
    """True for the background cells adjacent to a boundary cell, in a bool array.

    Of a hole only where the wall is one cell thick. ValueError: connectivity other than 4 and 8.
    """
    near: Mask = dilate(object_boundary(grid, background), connectivity) & (grid == background)
    return near


def is_contiguous(bitmask: Grid, background: Any = BLACK, connectivity: int = 4) -> bool:
    """Whether the non-background cells form exactly one component; without any cell: False.

    Takes bool arrays too. ValueError: connectivity other than 4 and 8.
    """
    filled = bitmask != background
    return len(label(filled, filled, connectivity)[2]) == 1
