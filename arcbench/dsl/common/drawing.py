"""Fills and lines, drawn in place."""

from collections.abc import Container
from typing import Any

import numpy as np

from ._cells import Grid, as_index, connected_from, plain


def flood_fill(grid: Grid, x: Any, y: Any, color: Any, connectivity: int = 4) -> None:
    """Recolour, in place, the connected region of one colour that holds (x, y).

    A negative start counts from the far side, as an index does. IndexError: a start outside the
    grid, or no integer; AssertionError: a connectivity other than 4 and 8.
    """
    if connectivity not in (4, 8):
        raise AssertionError(f"connectivity is 4 or 8, not {connectivity!r}")
    x, y = as_index(x), as_index(y)
    if grid[x, y] != color:
        region = connected_from(grid, x % grid.shape[0], y % grid.shape[1], connectivity)
        grid[region] = color


def draw_line(
    grid: Grid,
    x: Any,
    y: Any,
    end_x: Any = None,
    end_y: Any = None,
    length: Any = None,
    direction: Any = None,
    color: Any = None,
    stop_at_color: Container[Any] = (),
) -> tuple[int, int]:
    """Draw from (x, y) to an end point, or along a direction, in place; return the last cell.

    Steps are straight or diagonal (signs of the direction) and end before a cell whose colour is
    in `stop_at_color`. Without `length` the line runs out of the grid. Returns (x, y) if nothing
    was painted. AssertionError: x or y not whole, or only one coordinate of the end given;
    TypeError: no end and no direction, or a length, an end or a colour that is no integer.
    """
    if int(x) != x or int(y) != y:
        raise AssertionError(f"a line starts at whole coordinates, not at ({x!r}, {y!r})")
    x, y = int(x), int(y)
    if (end_x is None) != (end_y is None):
        raise AssertionError("a line's end needs both end_x and end_y")
    if end_x is not None:
        end_x, end_y = plain(end_x), plain(end_y)
        length = max(abs(end_x - x), abs(end_y - y)) + 1
        direction = (end_x - x, end_y - y)
    if length is None:
        length = 2 * max(grid.shape)
    dx, dy = direction
    dx, dy = _sign(dx), _sign(dy)
    stop_x, stop_y = x, y
    for i in range(length):
        at_x, at_y = x + i * dx, y + i * dy
        if 0 <= at_x < grid.shape[0] and 0 <= at_y < grid.shape[1]:
            if grid[at_x, at_y] in stop_at_color:
                break
            grid[at_x, at_y] = color
            stop_x, stop_y = at_x, at_y
    return stop_x, stop_y


def _sign(component: Any) -> Any:
    """-1, 0 or 1; a float stays a float, which numpy then refuses as an index."""
    if isinstance(component, float | np.floating):
        return float(np.sign(component))
    component = as_index(component)  # comparing numpy's ints gives bools that cannot be subtracted
    return (component > 0) - (component < 0)
