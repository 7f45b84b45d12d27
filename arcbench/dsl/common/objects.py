"""Finding the objects of a grid."""

from collections.abc import Callable, Collection, Sequence
from itertools import accumulate
from typing import Any

import numpy as np
from numpy.lib.stride_tricks import sliding_window_view

from ._cells import Grid, Mask, label
from ._packing import best_disjoint
from .colors import BLACK
from .measuring import bounding_box
from .placing import crop


def find_connected_components(
    grid: Grid, background: Any = BLACK, connectivity: int = 4, monochromatic: bool = True
) -> list[Grid]:
    """Return the components of the grid's non-background cells as full-size arrays.

    With `monochromatic` each colour is split on its own; the colours then come in the order of a
    Python set, on which programs depend, and within a colour, or with all colours together, the
    components by their first cell in row-major order. ValueError: connectivity other than 4, 8.
    """
    filled = grid != background
    xs, ys, sizes = label(grid if monochromatic else filled, filled, connectivity)
    ends = list(accumulate(sizes, initial=0))
    values = grid[xs, ys]
    # One array for all: they are contiguous, and cheap even for hundreds of single cells.
    objects = np.full((len(sizes), *grid.shape), background, dtype=_object_dtype(grid, background))
    objects[np.repeat(np.arange(len(sizes)), sizes), xs, ys] = values
    if not monochromatic:
        return list(objects)
    of_color: dict[Any, list[Grid]] = {}
    for color, component in zip(values[ends[:-1]].tolist(), objects, strict=True):
        of_color.setdefault(color, []).append(component)
    colors = set(grid.flatten().tolist()) - {background}
    return [component for color in colors for component in of_color.get(color, ())]


def _object_dtype(grid: Grid, background: Any) -> np.dtype[Any]:
    """The default integer for integer grids; float stays float, and bool with a bool background."""
    if grid.dtype.kind == "f":
        return grid.dtype
    if grid.dtype.kind == "b" and isinstance(background, bool | np.bool_):
        return grid.dtype
    return np.dtype(int)


def detect_objects(
    grid: Grid,
    _: Any = None,
    predicate: Callable[[Grid], Any] | None = None,
    background: Any = BLACK,
    monochromatic: bool = False,
    connectivity: int | None = None,
    allowed_dimensions: Sequence[tuple[int, int]] | None = None,
    colors: Collection[Any] | None = None,
    can_overlap: bool = False,
) -> list[Grid]:
    """Return full-size objects: connected components, and windows of the allowed dimensions.

    Components (if `connectivity` is given) are kept if their colours are in `colors` and the
    predicate holds for the cropped object; windows (if `allowed_dimensions` is given) if it holds
    for the raw window. Unless they may overlap, the largest come first and, of those that overlap,
    a subset that covers the most cells is chosen.
    """
    objects: list[Grid] = []
    if connectivity:
        objects = find_connected_components(
            grid, background=background, connectivity=connectivity, monochromatic=monochromatic
        )
        if colors:
            objects = [o for o in objects if _only_has(o, colors, background).all()]
        if predicate is not None:
            objects = [o for o in objects if predicate(crop(o, background))]
    if allowed_dimensions:
        # Objects have the grid's size: usually this drops every component.
        objects = [o for o in objects if o.shape in allowed_dimensions]
        windows = [
            window
            for size in allowed_dimensions
            for window in _windows(grid, size, predicate, background, colors)
        ]
        objects += [w for w in windows if not any(np.array_equal(w, o) for o in objects)]
    if can_overlap or not objects:
        return objects
    return _without_overlaps(objects, background)


def _only_has(grid: Grid, colors: Collection[Any], background: Any) -> Mask:
    """True for the cells that are background or one of the colours."""
    allowed = np.asarray(grid == background)
    for color in colors:
        allowed = allowed | (grid == color)
    return allowed


def _windows(
    grid: Grid,
    size: tuple[int, int],
    predicate: Callable[[Grid], Any] | None,
    background: Any,
    colors: Collection[Any] | None,
) -> list[Grid]:
    """The windows of one size that count as objects, x outer, y inner."""
    width, height = size
    if not (0 < width <= grid.shape[0] and 0 < height <= grid.shape[1]):
        return []
    counts = sliding_window_view(grid != background, (width, height)).any(axis=(2, 3))
    if colors is not None:
        allowed = _only_has(grid, colors, background)
        counts &= sliding_window_view(allowed, (width, height)).all(axis=(2, 3))
    objects = []
    for x, y in np.argwhere(counts).tolist():
        window = grid[x : x + width, y : y + height]
        if predicate is None or predicate(window):
            obj = np.full(grid.shape, background, dtype=int)
            obj[x : x + width, y : y + height] = window
            objects.append(obj)
    return objects


def _without_overlaps(objects: list[Grid], background: Any) -> list[Grid]:
    """The objects that overlap none, largest first, then the best choice among the others."""

    def size(obj: Grid) -> tuple[int, int]:
        _, _, width, height = bounding_box(obj, background)
        return width * height, int(np.count_nonzero(obj != background))

    objects = sorted(objects, key=size, reverse=True)
    cells = np.stack([obj != background for obj in objects]).reshape(len(objects), -1)
    shared = cells.sum(axis=0) > 1
    overlapping = (cells & shared).any(axis=1)
    alone = [obj for obj, overlaps in zip(objects, overlapping, strict=True) if not overlaps]
    others = np.flatnonzero(overlapping)
    return alone + [objects[others[i]] for i in best_disjoint(cells[others])]
