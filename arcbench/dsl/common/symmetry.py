"""Symmetries of a pattern, and what they make of a point."""

from collections.abc import Iterator, Sequence
from math import ceil
from typing import Any

import numpy as np

from ._cells import Grid


class Symmetry:
    """A mapping of points onto points; `apply` takes numbers or index arrays."""

    def apply(self, x: Any, y: Any, iters: int = 1) -> Any:
        """Return (x', y') after `iters` repetitions; the base class maps nothing."""

    def _iter_range(self, shape: tuple[int, ...]) -> tuple[int, int]:
        """First and last + 1 number of repetitions that matter on a grid of this shape."""
        return 0, 1


def _as_position(value: Any) -> Any:
    """Arrays cast to int, floats rounded, ints as they are."""
    if isinstance(value, np.ndarray):
        return value.astype(int)
    if isinstance(value, float | np.floating):
        return round(float(value))
    return value


class TranslationalSymmetry(Symmetry):
    """The pattern repeats every (translate_x, translate_y)."""

    def __init__(self, translate_x: Any, translate_y: Any) -> None:
        self.translate_x = translate_x
        self.translate_y = translate_y

    def __repr__(self) -> str:
        return (
            f"TranslationalSymmetry(translate_x={self.translate_x}, translate_y={self.translate_y})"
        )

    def apply(self, x: Any, y: Any, iters: int = 1) -> tuple[Any, Any]:
        """Return the point moved `iters` times, which may be negative."""
        return (
            _as_position(x + iters * self.translate_x),
            _as_position(y + iters * self.translate_y),
        )

    def _iter_range(self, shape: tuple[int, ...]) -> tuple[int, int]:
        steps = [
            ceil(side / abs(move))
            for side, move in zip(shape, (self.translate_x, self.translate_y), strict=True)
            if move != 0
        ]
        most = max(steps, default=0)
        return -most, most + 1


class MirrorSymmetry(Symmetry):
    """Mirroring x at mirror_x and y at mirror_y; None leaves that coordinate alone."""

    def __init__(self, mirror_x: Any, mirror_y: Any) -> None:
        self.mirror_x = mirror_x
        self.mirror_y = mirror_y

    def __repr__(self) -> str:
        return f"MirrorSymmetry(mirror_x={self.mirror_x}, mirror_y={self.mirror_y})"

    def apply(self, x: Any, y: Any, iters: int = 1) -> tuple[Any, Any]:
        """Return the mirrored point, or the point as it is for an even `iters`."""
        if iters % 2 == 0:
            return x, y
        if self.mirror_x is not None:
            x = 2 * self.mirror_x - x
        if self.mirror_y is not None:
            y = 2 * self.mirror_y - y
        return _as_position(x), _as_position(y)

    def _iter_range(self, shape: tuple[int, ...]) -> tuple[int, int]:
        return 0, 2


class RotationalSymmetry(Symmetry):
    """Quarter turns around (center_x, center_y), whole or half numbers."""

    def __init__(self, center_x: Any, center_y: Any) -> None:
        self.center_x = center_x
        self.center_y = center_y

    def __repr__(self) -> str:
        return f"RotationalSymmetry(center_x={self.center_x}, center_y={self.center_y})"

    def apply(self, x: Any, y: Any, iters: int = 1) -> tuple[Any, Any]:
        """Return the point after `iters` quarter turns; a negative number turns nothing."""
        dx, dy = x - self.center_x, y - self.center_y
        for _ in range(iters):
            dx, dy = dy, -dx
        return _as_position(self.center_x + dx), _as_position(self.center_y + dy)

    def _iter_range(self, shape: tuple[int, ...]) -> tuple[int, int]:
        return 0, 4


def orbit(grid: Grid, x: Any, y: Any, symmetries: Sequence[Any]) -> list[tuple[Any, Any]]:
    """Return the distinct points inside the grid that the symmetries make of (x, y).

    Every combination of repetitions counts, unless it leaves the grid on its way.
    """
    # The order is that of a Python set filled in the order of itertools.product.
    return list(set(_images(grid.shape, x, y, tuple(symmetries))))


def _images(
    shape: tuple[int, ...], x: Any, y: Any, symmetries: tuple[Any, ...]
) -> Iterator[tuple[Any, Any]]:
    """The end points of all combinations that stay inside the grid."""
    if not symmetries:
        yield x, y
        return
    first, rest = symmetries[0], symmetries[1:]
    for point_x, point_y in _single_images(shape, x, y, first):
        if rest:
            yield from _images(shape, point_x, point_y, rest)
        else:
            yield point_x, point_y


def _single_images(
    shape: tuple[int, ...], x: Any, y: Any, symmetry: Any
) -> Iterator[tuple[Any, Any]]:
    """The images under one symmetry, by number of repetitions."""
    start, stop = symmetry._iter_range(shape)
    if type(symmetry) is TranslationalSymmetry:
        move_x, move_y = symmetry.translate_x, symmetry.translate_y
        if all(isinstance(value, int | np.integer) for value in (x, y, move_x, move_y)):
            # Programs ask for the orbit of every cell: plain ints, and only counts that stay in.
            x, y, move_x, move_y = int(x), int(y), int(move_x), int(move_y)
            for times in range(start, stop):
                at_x, at_y = x + times * move_x, y + times * move_y
                if 0 <= at_x < shape[0] and 0 <= at_y < shape[1]:
                    yield at_x, at_y
            return
    for times in range(start, stop):
        at_x, at_y = symmetry.apply(x, y, times)
        if 0 <= at_x < shape[0] and 0 <= at_y < shape[1]:
            yield at_x, at_y
