"""What a grid is: a read-only int8 array (rows, columns), 1–30 a side, colours 0–9."""

import hashlib
from collections.abc import Sequence
from typing import Any

import numpy as np
import numpy.typing as npt

MAX_SIDE = 30
NUM_COLORS = 10
COLOR_NAMES = (
    "Black", "Blue", "Red", "Green", "Yellow", "Gray", "Pink", "Orange", "Purple", "Brown",
)  # fmt: skip
# The palette of arcprize.org, in the order of COLOR_NAMES.
COLOR_HEX = (
    "#000000", "#0074D9", "#FF4136", "#2ECC40", "#FFDC00",
    "#AAAAAA", "#F012BE", "#FF851B", "#7FDBFF", "#870C25",
)  # fmt: skip

Grid = npt.NDArray[np.int8]  # (rows, columns), not writeable


class GridError(ValueError):
    """A value is not an ARC grid; the message says why."""


def as_grid(value: Any) -> Grid:
    """Return `value` (nested lists or an array) as a checked, read-only grid.

    Raises GridError: not two-dimensional or ragged, a side outside 1–30, a cell that is not an
    integer 0–9. Booleans and floats are refused: a data file that has them is broken.
    """
    array = value if isinstance(value, np.ndarray) else _rows_to_array(value)
    if array.ndim != 2:
        raise GridError(f"a grid has two dimensions, this has {array.ndim}")
    if array.dtype.kind not in "iu":
        raise GridError(f"cells are integers 0-9, these are of type {array.dtype}")
    rows, columns = array.shape
    if not (1 <= rows <= MAX_SIDE and 1 <= columns <= MAX_SIDE):
        raise GridError(f"a side is 1-{MAX_SIDE} cells long, this grid is {rows}x{columns}")
    low, high = int(array.min()), int(array.max())
    if low < 0 or high >= NUM_COLORS:
        raise GridError(f"cells are colours 0-9, this grid has {low if low < 0 else high}")
    grid = np.array(array, dtype=np.int8, order="C")
    grid.setflags(write=False)
    return grid


def _rows_to_array(value: Any) -> npt.NDArray[Any]:
    """Nested lists as an integer array; says which row is ragged or which cell is no integer."""
    if not isinstance(value, Sequence) or isinstance(value, str | bytes):
        raise GridError(f"a grid is a list of rows, not {type(value).__name__}")
    for i, row in enumerate(value):
        if not isinstance(row, Sequence) or isinstance(row, str | bytes):
            raise GridError(f"row {i} is {type(row).__name__}, not a list of cells")
        if len(row) != len(value[0]):
            raise GridError(f"row {i} has {len(row)} cells, row 0 has {len(value[0])}")
        for j, cell in enumerate(row):
            # bool is an int to Python; in a data file it is a mistake.
            if type(cell) is not int:
                raise GridError(f"cell ({i}, {j}) is {cell!r}, not an integer 0-9")
            if not 0 <= cell < NUM_COLORS:
                raise GridError(f"cells are colours 0-9, cell ({i}, {j}) is {cell}")
    if not value or not value[0]:
        raise GridError("a grid has at least one cell")
    return np.array(value, dtype=np.int64)


def same_grid(a: npt.NDArray[Any], b: npt.NDArray[Any]) -> bool:
    """Whether two grids have the same shape and the same cells."""
    return a.shape == b.shape and bool((a == b).all())


def fingerprint(grid: Grid) -> str:
    """A short stable name of the grid's content: equal grids have equal fingerprints."""
    head = bytes((grid.shape[0], grid.shape[1]))
    return hashlib.blake2b(head + grid.tobytes(), digest_size=8).hexdigest()


def to_lists(grid: Grid) -> list[list[int]]:
    """The grid as nested lists of plain ints, as ARC's JSON files have it."""
    lists: list[list[int]] = grid.tolist()
    return lists
