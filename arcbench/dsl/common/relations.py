"""Whether two objects overlap or touch, and what lies between them."""

from typing import Any

import numpy as np

from ._cells import Grid, Mask, dilate, plain
from .colors import BLACK
from .measuring import bounding_box


def collision(
    _: Any = None,
    object1: Any = None,
    object2: Any = None,
    x1: Any = 0,
    y1: Any = 0,
    x2: Any = 0,
    y2: Any = 0,
    background: Any = BLACK,
) -> bool:
    """Whether object1 placed at (x1, y1) and object2 at (x2, y2) share a non-background cell.

    The objects may differ in size and must be passed by keyword.
    """
    dx, dy = _offset(x1, x2), _offset(y1, y2)
    return _overlap(_cells(object1, background), _cells(object2, background), dx, dy)


def _cells(obj: Any, background: Any) -> Mask:
    """The object's cells; AttributeError if it is no array, as in positional use."""
    mask: Mask = np.asarray(obj != background).reshape(obj.shape)
    return mask


def _offset(start: Any, end: Any) -> int:
    """How far it is between two coordinates, cut to a whole number of cells."""
    return int(plain(end) - plain(start))


def _overlap(mask1: Mask, mask2: Mask, dx: int, dy: int) -> bool:
    """Whether mask2, moved by (dx, dy), has a cell in common with mask1."""
    left, right = max(dx, 0), min(dx + mask2.shape[0], mask1.shape[0])
    upper, lower = max(dy, 0), min(dy + mask2.shape[1], mask1.shape[1])
    if left >= right or upper >= lower:
        return False
    part1 = mask1[left:right, upper:lower]
    part2 = mask2[left - dx : right - dx, upper - dy : lower - dy]
    return bool((part1 & part2).any())


def contact(
    _: Any = None,
    object1: Any = None,
    object2: Any = None,
    x1: Any = 0,
    y1: Any = 0,
    x2: Any = 0,
    y2: Any = 0,
    background: Any = BLACK,
    connectivity: int = 4,
) -> bool:
    """Whether the two placed objects overlap or have neighbouring cells (connectivity 4 or 8).

    The objects must be passed by keyword; another connectivity is a ValueError.
    """
    near = dilate(np.pad(_cells(object2, background), 1), connectivity)
    # The offset is cut before the frame's cell is taken off: int(-0.5) - 1 is not int(-1.5).
    dx, dy = _offset(x1, x2) - 1, _offset(y1, y2) - 1
    return _overlap(_cells(object1, background), near, dx, dy)


def check_between_objects(
    obj1: Grid, obj2: Grid, x: Any, y: Any, padding: Any = 0, background: Any = BLACK
) -> bool:
    """Whether (x, y) lies in the gap between the bounding boxes of two objects, in either order.

    Across the gap's direction the point must stay `padding` cells inside both boxes' range.
    """
    boxes = bounding_box(obj1, background), bounding_box(obj2, background)
    for axis, (along, across) in enumerate(((x, y), (y, x))):
        other = 1 - axis
        low = max(box[other] for box in boxes)
        high = min(box[other] + box[other + 2] for box in boxes)
        for first, second in (boxes, boxes[::-1]):
            in_gap = first[axis] + first[axis + 2] <= along < second[axis]
            if in_gap and across - padding >= low and across + padding < high:
                return True
    return False
