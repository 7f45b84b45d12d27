"""What the functions share: number arguments, boxes and shifts of masks, connected cells.

`concepts` builds on it too.
"""

import operator
from functools import lru_cache
from typing import Any

import numpy as np
from numpy.typing import NDArray

Grid = NDArray[Any]  # (width, height): grid[x, y]
Mask = NDArray[np.bool_]

STEPS_4 = ((-1, 0), (1, 0), (0, -1), (0, 1))
STEPS_8 = (*STEPS_4, (-1, -1), (-1, 1), (1, -1), (1, 1))


def steps_of(connectivity: int) -> tuple[tuple[int, int], ...]:
    """The neighbour offsets of connectivity 4 or 8; ValueError for another one."""
    if connectivity == 4:
        return STEPS_4
    if connectivity == 8:
        return STEPS_8
    raise ValueError(f"connectivity is 4 or 8, not {connectivity!r}")


def as_index(value: Any) -> int:
    """A Python or numpy integer, also as an array of one cell, as an int; else IndexError."""
    if isinstance(value, np.ndarray) and value.size == 1:
        value = value.item()
    if isinstance(value, np.bool_):
        value = bool(value)
    try:
        return operator.index(value)
    except TypeError as error:
        raise IndexError(f"a position or an offset is an integer, not {value!r}") from error


def plain(value: Any) -> Any:
    """A numpy integer as a Python int, anything else as it is: small unsigned ones wrap around."""
    return int(value) if isinstance(value, np.integer) else value


def box_of(mask: Mask) -> tuple[slice, slice] | None:
    """The smallest box that holds all true cells, as an index; None without one."""
    first = np.flatnonzero(mask.any(axis=1))
    if first.size == 0:
        return None
    second = np.flatnonzero(mask.any(axis=0))
    return slice(int(first[0]), int(first[-1]) + 1), slice(int(second[0]), int(second[-1]) + 1)


def dilate(mask: Mask, connectivity: int) -> Mask:
    """The mask and the neighbours of its cells, inside the same frame."""
    steps_of(connectivity)
    grown = mask.copy()
    grown[1:] |= mask[:-1]
    grown[:-1] |= mask[1:]
    # For the square neighbourhood the second axis spreads what the first has spread already.
    source = grown.copy() if connectivity == 8 else mask
    grown[:, 1:] |= source[:, :-1]
    grown[:, :-1] |= source[:, 1:]
    return grown


def _framed(keys: Grid, foreground: Mask | bool = True) -> tuple[list[Any], int]:
    """The foreground's keys as a flat list and the length of a row.

    Around the grid and on its background lies what no key equals: the first item.
    """
    width, height = keys.shape
    stride = height + 1  # one column between two rows keeps neighbours from wrapping around
    if keys.dtype == bool or _are_bytes(keys):
        small = np.full((width + 2, stride), 255, dtype=np.uint8)
        np.copyto(small[1:-1, :height], keys, where=foreground, casting="unsafe")
        return list(small.tobytes()), stride
    framed = np.full((width + 2, stride), None, dtype=object)
    np.copyto(framed[1:-1, :height], keys, where=foreground)
    return framed.ravel().tolist(), stride


def _are_bytes(keys: Grid) -> bool:
    """Whether all keys are integers 0–254, as colours are: a list of them is made faster."""
    if keys.dtype.kind not in "iu" or not keys.dtype.isnative or not keys.size:
        return False
    # Without their sign negative numbers are large ones.
    return bool(np.maximum.reduce(keys.view(f"u{keys.dtype.itemsize}"), axis=None) < 255)


def _spread(cells: list[Any], starts: list[int], stride: int, is_diagonal: bool) -> list[list[int]]:
    """For each start not reached before: the positions connected with it through equal keys.

    What is reached becomes `cells[0]`, nothing.
    """
    nothing = cells[0]
    parts = []
    for start in starts:
        key = cells[start]
        if key == nothing:
            continue
        cells[start] = nothing
        reached = [start]
        # The steps of STEPS_8 written out: a loop over them takes half as long again.
        for position in reached:  # grows while it is walked
            before, behind = position - stride, position + stride
            if cells[before] == key:
                cells[before] = nothing
                reached.append(before)
            if cells[behind] == key:
                cells[behind] = nothing
                reached.append(behind)
            if cells[position - 1] == key:
                cells[position - 1] = nothing
                reached.append(position - 1)
            if cells[position + 1] == key:
                cells[position + 1] = nothing
                reached.append(position + 1)
            if is_diagonal:
                if cells[before - 1] == key:
                    cells[before - 1] = nothing
                    reached.append(before - 1)
                if cells[before + 1] == key:
                    cells[before + 1] = nothing
                    reached.append(before + 1)
                if cells[behind - 1] == key:
                    cells[behind - 1] = nothing
                    reached.append(behind - 1)
                if cells[behind + 1] == key:
                    cells[behind + 1] = nothing
                    reached.append(behind + 1)
        parts.append(reached)
    return parts


def connected_from(
    keys: Grid, x: int, y: int, connectivity: int
) -> tuple[NDArray[np.intp], NDArray[np.intp]]:
    """Index arrays of the cells connected with (x, y) through cells of an equal key."""
    is_diagonal = len(steps_of(connectivity)) == 8
    cells, stride = _framed(keys)
    (reached,) = _spread(cells, [(x + 1) * stride + y], stride, is_diagonal)
    xs, ys = np.divmod(np.array(reached), stride)
    return xs - 1, ys


def _parts(keys: Grid, foreground: Mask, connectivity: int) -> tuple[list[list[int]], int]:
    """Components as positions in the framed list, and the length of its rows.

    Plain Python on a flat list: 0.2–0.5 ms on 30×30, as against 0.3 s for the first use of scipy.
    """
    is_diagonal = len(steps_of(connectivity)) == 8
    cells, stride = _framed(keys, foreground)
    starts = foreground.ravel().nonzero()[0]
    starts += starts // max(keys.shape[1], 1) + stride
    return _spread(cells, starts.tolist(), stride, is_diagonal), stride


def components(keys: Grid, foreground: Mask, connectivity: int) -> list[list[int]]:
    """Split the foreground into components of connected cells with equal keys.

    Each is a list of indices into `keys.ravel()`; they come in the row-major order of their first
    cells, which also come first in the lists. The lists are shared: they must not be changed.
    """
    if keys.dtype.hasobject:  # whose bytes say nothing
        return _components(keys, foreground, connectivity)
    # Programs, and those who make tasks for them, ask the same of one grid again and again.
    name = (keys.shape, keys.dtype, keys.tobytes(), foreground.tobytes(), connectivity)
    found = _known.get(name)
    if found is None:
        found = _components(keys, foreground, connectivity)
        if len(_known) >= KNOWN:
            _known.clear()
        _known[name] = found
    return found.copy()


KNOWN = 64  # grids whose components are kept: at most 2 MB
_known: dict[tuple[Any, ...], list[list[int]]] = {}


def _components(keys: Grid, foreground: Mask, connectivity: int) -> list[list[int]]:
    parts, stride = _parts(keys, foreground, connectivity)
    index_of = _indices(len(keys), stride).__getitem__
    return [list(map(index_of, part)) for part in parts]


@lru_cache(maxsize=256)
def _indices(width: int, stride: int) -> list[int]:
    """For a position in the framed list, the index into `keys.ravel()`."""
    return [i - stride - i // stride + 1 for i in range((width + 2) * stride)]


def label(
    keys: Grid, foreground: Mask, connectivity: int
) -> tuple[NDArray[np.intp], NDArray[np.intp], list[int]]:
    """The same components as x and y of all cells, one after the other, and their sizes."""
    parts, stride = _parts(keys, foreground, connectivity)
    positions = [position for part in parts for position in part]
    xs, ys = np.divmod(np.array(positions, dtype=np.intp), stride)
    return xs - 1, ys, [len(part) for part in parts]
