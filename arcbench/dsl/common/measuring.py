"""Where an object lies and which colours it has."""

from typing import Any

import numpy as np

from ._cells import Grid, Mask, box_of
from .colors import BLACK


def bounding_box(grid: Grid, background: Any = BLACK) -> tuple[int, int, int, int]:
    """Return (x, y, width, height) of the cells other than `background`, as ints.

    Without such a cell in a grid (n, m): (n, m, -n, -m), the box that crops to nothing.
    """
    width, height = grid.shape
    filled = grid != background
    box = box_of(filled)
    if box is None:
        return width, height, -width, -height
    along, down = box
    return along.start, down.start, along.stop - along.start, down.stop - down.start


def bounding_box_mask(grid: Grid, background: Any = BLACK) -> Mask:
    """Return a bool array of the grid's shape, True inside the bounding box."""
    x, y, width, height = bounding_box(grid, background)
    mask = np.zeros(grid.shape, dtype=bool)
    mask[x : x + width, y : y + height] = True
    return mask


# Where an anchor lies between the first (0) and the last (1) cell of the box, along x and y.
_ANCHORS = {
    "upperleft": (0.0, 0.0),
    "uppercenter": (0.5, 0.0),
    "upperright": (1.0, 0.0),
    "leftcenter": (0.0, 0.5),
    "center": (0.5, 0.5),
    "rightcenter": (1.0, 0.5),
    "lowerleft": (0.0, 1.0),
    "lowercenter": (0.5, 1.0),
    "lowerright": (1.0, 1.0),
}


def object_position(
    obj: Grid, background: Any = BLACK, anchor: str = "upper left"
) -> tuple[float, float]:
    """Return (x, y) of a point of the bounding box, ints where whole, else floats ending in .5.

    `anchor` is "upper left", "center", "lower center", "right center" … ("top" and "bottom" also
    do); another one is an AssertionError.
    """
    name = anchor.lower().replace(" ", "").replace("top", "upper").replace("bottom", "lower")
    if name not in _ANCHORS:
        raise AssertionError(f"unknown anchor {anchor!r}; the anchors are {', '.join(_ANCHORS)}")
    along_x, along_y = _ANCHORS[name]
    x, y, width, height = bounding_box(obj, background)
    return _whole(x + (width - 1) * along_x), _whole(y + (height - 1) * along_y)


def _whole(value: float) -> float:
    """The value as an int if it is one."""
    return int(value) if value == int(value) else value


def object_colors(obj: Grid, background: Any = BLACK) -> list[Any]:
    """Return the distinct colours other than `background`, as numpy scalars.

    Programs depend on the order: it is that of a Python set of the cells in row-major order.
    """
    return list(set(obj.flatten()) - {background})
