"""From what a program returned to the cells of a grid, in the child.

Lists, any integer type, booleans and floats that are whole numbers are grids; for all else the
message says why not.
"""

from typing import Any

import numpy as np

from arcbench.sandbox import wire

MAX_SIDE = 30

_INT64 = np.dtype(np.int64)
_COLORS = bytes(range(1, 10))
_ZERO = b"\0"


def grid_bytes(value: Any, max_output_cells: int) -> tuple[int, bytes]:
    """Status and body of a result: the grid in the layout of wire.py, or BAD_OUTPUT and why."""
    # The common case without numpy's reductions, whose first call in a process is dear.
    if type(value) is np.ndarray and value.dtype is _INT64 and value.ndim == 2:
        rows, columns = value.shape
        if 1 <= rows <= MAX_SIDE and 1 <= columns <= MAX_SIDE and value.size <= max_output_cells:
            raw = value.tobytes()
            cells = raw[::8]  # the lowest bytes; all others have to be zero
            marks = cells.translate(None, _ZERO)
            if raw.translate(None, _ZERO) == marks and not marks.translate(None, _COLORS):
                return wire.OK, wire.SHAPE.pack(rows, columns) + cells
    return _any_grid_bytes(value, max_output_cells)


def _any_grid_bytes(value: Any, max_output_cells: int) -> tuple[int, bytes]:
    if isinstance(value, list | tuple):
        if len(value) > MAX_SIDE:
            return _bad(f"it has {len(value)} rows; a side of a grid is 1-{MAX_SIDE} cells long")
        try:
            array = np.array(value)
        except ValueError:
            return _bad("the rows are of unequal length")
    elif isinstance(value, np.ndarray):
        array = value.view(np.ndarray)
    else:
        return _bad(f"it is {_type_name(value)}, not a grid")
    if array.ndim != 2:
        return _bad(f"it has {array.ndim} dimensions, a grid has two")
    rows, columns = array.shape
    if not (1 <= rows <= MAX_SIDE and 1 <= columns <= MAX_SIDE):
        return _bad(f"it is {rows}x{columns}; a side of a grid is 1-{MAX_SIDE} cells long")
    if rows * columns > max_output_cells:
        return _bad(f"it has {rows * columns} cells, the limit is {max_output_cells}")
    kind = array.dtype.kind
    if kind == "f":
        if not np.isfinite(array).all() or (array != np.rint(array)).any():
            return _bad("its cells are not whole numbers")
    elif kind not in "biu":
        return _bad(f"its cells are of type {array.dtype}, not integers")
    low, high = array.min(), array.max()
    if low < 0 or high > 9:
        return _bad(f"it has the colour {int(low if low < 0 else high)}; colours are 0-9")
    return wire.OK, wire.SHAPE.pack(rows, columns) + array.astype(np.int8).tobytes()


def _bad(why: str) -> tuple[int, bytes]:
    text = f"the output is no grid: {why}".encode("utf-8", "replace")
    return wire.BAD_OUTPUT, text[: wire.MAX_TEXT]


def _type_name(value: Any) -> str:
    return "None" if value is None else f"of type {type(value).__name__}"
