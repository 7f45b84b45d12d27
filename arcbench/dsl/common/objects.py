"""Finding the objects of a grid."""

from collections.abc import Callable, Collection, Sequence
from dataclasses import dataclass
from functools import partial
from itertools import accumulate
from typing import Any

import numpy as np
from numpy.lib.stride_tricks import sliding_window_view
from numpy.typing import NDArray

from ._cells import Grid, Mask, label
from ._packing import best_disjoint
from .colors import BLACK

_Predicate = Callable[[Grid], Any]
_Ints = NDArray[np.intp]


@dataclass(frozen=True, kw_only=True, slots=True)
class _Components:
    """Connected components, still undrawn: their cells lie one component after the other."""

    grid: Grid
    background: Any
    xs: _Ints
    ys: _Ints
    sizes: list[int]
    order: list[int]  # in which they are returned

    @property
    def starts(self) -> list[int]:
        """Where each one's cells begin."""
        return list(accumulate(self.sizes[:-1], initial=0))

    def draw(self) -> Grid:
        """All of them as full-size arrays (component, width, height), in the order of `sizes`."""
        # One array for all: they are contiguous, and cheap even for hundreds of single cells.
        shape = (len(self.sizes), *self.grid.shape)
        dtype = _object_dtype(self.grid, self.background)
        # Untouched zeros cost nothing.
        black = type(self.background) is int and self.background == 0
        objects = np.zeros(shape, dtype) if black else np.full(shape, self.background, dtype)
        owners = np.repeat(np.arange(len(self.sizes)), self.sizes)
        objects[owners, self.xs, self.ys] = self.grid[self.xs, self.ys]
        return objects

    def keep(self, allowed: Mask) -> "_Components":
        """Those whose cells are all allowed."""
        if not self.sizes:
            return self
        good = np.logical_and.reduceat(allowed[self.xs, self.ys], self.starts)
        cells = np.repeat(good, self.sizes)
        place = (np.cumsum(good) - 1).tolist()
        return _Components(
            grid=self.grid,
            background=self.background,
            xs=self.xs[cells],
            ys=self.ys[cells],
            sizes=[size for size, is_good in zip(self.sizes, good, strict=True) if is_good],
            order=[place[i] for i in self.order if good[i]],
        )

    def boxes(self) -> list[tuple[int, int, int, int]]:
        """The bounding box of each one: first and last + 1, of x and of y."""
        if not self.sizes:
            return []
        starts = self.starts
        ends = [
            ends
            for along in (self.xs, self.ys)
            for ends in (
                np.minimum.reduceat(along, starts).tolist(),
                (np.maximum.reduceat(along, starts) + 1).tolist(),
            )
        ]
        return list(zip(*ends, strict=True))


def _components(grid: Grid, background: Any, connectivity: int, monochromatic: bool) -> _Components:
    filled = grid != background
    xs, ys, sizes = label(grid if monochromatic else filled, filled, connectivity)
    found = _Components(
        grid=grid, background=background, xs=xs, ys=ys, sizes=sizes, order=list(range(len(sizes)))
    )
    if monochromatic and sizes:
        of_color: dict[Any, list[int]] = {}
        firsts = found.starts
        for i, color in enumerate(grid[xs[firsts], ys[firsts]].tolist()):
            of_color.setdefault(color, []).append(i)
        colors = set(grid.flatten().tolist()) - {background}
        found.order[:] = [i for color in colors for i in of_color.get(color, ())]
    return found


def find_connected_components(
    grid: Grid, background: Any = BLACK, connectivity: int = 4, monochromatic: bool = True
) -> list[Grid]:
    """Return the components of the grid's non-background cells as full-size arrays.

    With `monochromatic` each colour is split on its own; the colours then come in the order of a
    Python set, on which programs depend, and within a colour, or with all colours together, the
    components by their first cell in row-major order. The arrays are of the default integer type
    (floats stay floats). ValueError: connectivity other than 4 and 8; TypeError: no background.
    """
    found = _components(grid, background, connectivity, monochromatic)
    objects = found.draw()
    return [objects[i] for i in found.order]


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
    predicate: _Predicate | None = None,
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
    a subset that covers the most cells is chosen, which takes long for many windows that overlap.
    Without both connectivity and dimensions there are none.
    """
    found: list[_Candidate] = []
    if connectivity:
        components = _components(grid, background, connectivity, monochromatic)
        if colors:
            components = components.keep(_only_has(grid, colors, background))
        found = _of_components(components, predicate)
    if allowed_dimensions:
        # Objects have the grid's size: usually this drops every component.
        kept = found if grid.shape in allowed_dimensions else []
        windows = [
            window
            for size in allowed_dimensions
            for window in _windows(grid, size, predicate, background, colors)
        ]
        whole = [c.draw() for c in kept]
        found = kept + [
            w for w in windows if not (whole and any(np.array_equal(w.draw(), o) for o in whole))
        ]
    if not can_overlap:
        found = _without_overlaps(found)
    return [candidate.draw() for candidate in found]


@dataclass(frozen=True, kw_only=True, slots=True)
class _Candidate:
    """An object that may be returned; windows are drawn only when they are."""

    area: int  # of the bounding box
    mass: int  # cells
    cells: int  # a bit for each cell of the grid that it covers
    draw: Callable[[], Grid]


def _of_components(components: _Components, predicate: _Predicate | None) -> list["_Candidate"]:
    """The components for which the predicate holds."""
    objects, boxes = components.draw(), components.boxes()
    height = components.grid.shape[1]
    positions = (components.xs * height + components.ys).tolist()
    starts = components.starts
    candidates = []
    for i in components.order:
        obj, size = objects[i], components.sizes[i]
        left, right, upper, lower = boxes[i]
        if predicate is not None and not predicate(obj[left:right, upper:lower]):
            continue
        cells = 0
        for position in positions[starts[i] : starts[i] + size]:
            cells |= 1 << position
        candidates.append(
            _Candidate(
                area=(right - left) * (lower - upper),
                mass=size,
                cells=cells,
                draw=partial(_same, obj),
            )
        )
    return candidates


def _same(obj: Grid) -> Grid:
    return obj


def _only_has(grid: Grid, colors: Collection[Any], background: Any) -> Mask:
    """True for the cells that are background or one of the colours."""
    allowed = np.asarray(grid == background)
    for color in colors:
        allowed = allowed | (grid == color)
    return allowed


def _windows(
    grid: Grid,
    size: tuple[int, int],
    predicate: _Predicate | None,
    background: Any,
    colors: Collection[Any] | None,
) -> list[_Candidate]:
    """The windows of one size that count as objects, x outer, y inner."""
    width, height = size
    if not (0 < width <= grid.shape[0] and 0 < height <= grid.shape[1]):
        return []
    filled: Mask = np.asarray(grid != background)
    views = sliding_window_view(filled, (width, height))
    counts = views.any(axis=(2, 3))
    if colors is not None:
        allowed = _only_has(grid, colors, background)
        counts &= sliding_window_view(allowed, (width, height)).all(axis=(2, 3))
    areas = _box_areas(views)
    # The window's cells are those of the grid under a rectangle of ones, moved to its place.
    in_grid = _as_bits(filled)
    stride = grid.shape[1]
    rectangle = sum(((1 << height) - 1) << row * stride for row in range(width))
    candidates = []
    for x, y in np.argwhere(counts).tolist():
        window = grid[x : x + width, y : y + height]
        if predicate is None or predicate(window):
            cells = in_grid & rectangle << x * stride + y
            candidates.append(
                _Candidate(
                    area=areas[x][y],
                    mass=cells.bit_count(),
                    cells=cells,
                    draw=partial(_draw_window, grid, background, x, y, width, height),
                )
            )
    return candidates


def _draw_window(grid: Grid, background: Any, x: int, y: int, width: int, height: int) -> Grid:
    obj = np.full(grid.shape, background, dtype=int)
    obj[x : x + width, y : y + height] = grid[x : x + width, y : y + height]
    return obj


def _box_areas(windows: NDArray[Any]) -> list[list[int]]:
    """The area of the bounding box of each window's cells; windows (x, y, width, height)."""
    areas = np.ones(windows.shape[:2], dtype=int)
    for axis in (2, 3):
        lines: NDArray[Any] = np.any(windows, axis=axis)
        empty_ends = lines.argmax(axis=-1) + lines[..., ::-1].argmax(axis=-1)
        areas *= lines.shape[-1] - empty_ends
    found: list[list[int]] = areas.tolist()
    return found


def _as_bits(mask: Mask) -> int:
    """The mask as an int with a bit for every true cell, the first cell the lowest."""
    return int.from_bytes(np.packbits(mask.ravel(), bitorder="little").tobytes(), "little")


def _without_overlaps(found: list[_Candidate]) -> list[_Candidate]:
    """The objects that overlap none, largest first, then the best choice among the others."""
    found = sorted(found, key=lambda c: (c.area, c.mass), reverse=True)
    covered = shared = 0
    for candidate in found:
        shared |= covered & candidate.cells
        covered |= candidate.cells
    if not shared:
        return found
    others = [c for c in found if c.cells & shared]
    chosen = best_disjoint([c.cells for c in others])
    return [c for c in found if not c.cells & shared] + [others[i] for i in chosen]
