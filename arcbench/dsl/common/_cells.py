"""What the functions share: number arguments, boxes and shifts of masks, connected cells.

`concepts` builds on it too.
"""

import operator
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
    """The foreground's keys as a flat list, None elsewhere and around, and the length of a row."""
    width, height = keys.shape
    stride = height + 1  # one column between two rows keeps neighbours from wrapping around
    framed = np.full((width + 2, stride), None, dtype=object)
    np.copyto(framed[1:-1, :height], keys, where=foreground)
    return framed.ravel().tolist(), stride


def _spread(cells: list[Any], start: int, offsets: list[int]) -> list[int]:
    """Positions connected with `start` through equal keys; they become None in `cells`."""
    key = cells[start]
    cells[start] = None
    reached = [start]
    for position in reached:  # grows while it is walked
        for offset in offsets:
            neighbour = position + offset
            if cells[neighbour] == key:
                cells[neighbour] = None
                reached.append(neighbour)
    return reached


def connected_from(
    keys: Grid, x: int, y: int, connectivity: int
) -> tuple[NDArray[np.intp], NDArray[np.intp]]:
    """Index arrays of the cells connected with (x, y) through cells of an equal key."""
    steps = steps_of(connectivity)
    cells, stride = _framed(keys)
    reached = _spread(cells, (x + 1) * stride + y, [dx * stride + dy for dx, dy in steps])
    xs, ys = np.divmod(np.array(reached), stride)
    return xs - 1, ys


def _parts(keys: Grid, foreground: Mask, connectivity: int) -> tuple[list[list[int]], int]:
    """Components as positions in the framed list, and the length of its rows.

    Plain Python on a flat list: 0.2–0.5 ms on 30×30, as against 0.3 s for the first use of scipy.
    """
    steps = steps_of(connectivity)
    cells, stride = _framed(keys, foreground)
    offsets = [dx * stride + dy for dx, dy in steps]
    starts = np.flatnonzero(foreground)
    starts += starts // max(keys.shape[1], 1) + stride
    return [
        _spread(cells, start, offsets) for start in starts.tolist() if cells[start] is not None
    ], stride


def components(keys: Grid, foreground: Mask, connectivity: int) -> list[list[int]]:
    """Split the foreground into components of connected cells with equal keys.

    Each is a list of indices into `keys.ravel()`; they come in the row-major order of their first
    cells, which also come first in the lists.
    """
    parts, stride = _parts(keys, foreground, connectivity)
    return [[i - stride - i // stride + 1 for i in part] for part in parts]


def label(
    keys: Grid, foreground: Mask, connectivity: int
) -> tuple[NDArray[np.intp], NDArray[np.intp], list[int]]:
    """The same components as x and y of all cells, one after the other, and their sizes."""
    parts, stride = _parts(keys, foreground, connectivity)
    positions = [position for part in parts for position in part]
    xs, ys = np.divmod(np.array(positions, dtype=np.intp), stride)
    return xs - 1, ys, [len(part) for part in parts]
