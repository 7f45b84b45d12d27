"""Which symmetries a pattern has, scored for all candidates at once."""

from collections.abc import Collection
from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy import fft  # by name: numpy would load it at first use, in the middle of a program
from numpy.typing import NDArray

from ._cells import Grid, Mask
from .colors import BLACK
from .symmetry import MirrorSymmetry, RotationalSymmetry, TranslationalSymmetry

_Counts = NDArray[np.int64]


@dataclass(frozen=True, kw_only=True, slots=True)
class _Tally:
    """What becomes of the occupied cells when they are moved onto a target, for every shift.

    Arrays (shift x + shape_x - 1, shift y + shape_y - 1), shifts from -(shape - 1) up.
    """

    kept: _Counts  # land on their own colour
    off: _Counts  # land outside
    conflict: _Counts  # land on another colour that is not ignored


class _Pattern:
    """A grid's occupied cells, ready to be laid onto the grid in any orientation."""

    def __init__(self, grid: Grid, ignore_colors: Collection[Any], background: Any) -> None:
        self.grid = grid
        self.ignored = _mask_of(grid, ignore_colors)
        self.occupied = ~self.ignored
        if background is not None:
            self.occupied &= grid != background
        self.colors = np.unique(grid[self.occupied])
        self.any = bool(self.occupied.any())

    def tally(self, turn: Any) -> _Tally:
        """Lay the occupied cells onto `turn(grid)`, a reversal or rotation as a view."""
        target, ignored = turn(self.grid), turn(self.ignored)
        source_shape, target_shape = self.grid.shape, target.shape
        size = (source_shape[0] + target_shape[0] - 1, source_shape[1] + target_shape[1] - 1)

        def spectrum(masks: Mask) -> NDArray[np.complex128]:
            return fft.rfft2(masks.astype(float), s=size, axes=(-2, -1))

        # Cross-correlation counts, for every shift, the pairs of ones that meet; the counts are
        # whole numbers below 10⁴, so rounding gives them exactly.
        colors = self.colors[:, None, None]
        own = spectrum((self.grid == colors) & self.occupied).conj()
        occupied = own.sum(axis=0)
        meetings = np.stack(
            [
                (own * spectrum(target == colors)).sum(axis=0),
                occupied * spectrum(np.ones(target_shape, dtype=bool)),
                occupied * spectrum(~ignored),
            ]
        )
        counts = np.rint(fft.irfft2(meetings, s=size, axes=(-2, -1))).astype(np.int64)
        # Negative shifts stand at the end; bring them to the front.
        counts = np.roll(counts, (source_shape[0] - 1, source_shape[1] - 1), axis=(-2, -1))
        kept, inside, solid = counts
        total = int(self.occupied.sum())
        return _Tally(kept=kept, off=total - inside, conflict=solid - kept)


def _mask_of(grid: Grid, colors: Collection[Any]) -> Mask:
    """True for the cells of one of the colours."""
    mask = np.zeros(grid.shape, dtype=bool)
    for color in colors:
        mask |= grid == color
    return mask


def detect_translational_symmetry(
    grid: Grid, ignore_colors: Collection[Any] = (BLACK,), background: Any = None
) -> list[TranslationalSymmetry]:
    """Return the best shift along x and the best along y, each if there is one.

    Without either, the best diagonal shift. Cells of `ignore_colors` are unknown: they fit all.
    """
    pattern = _Pattern(grid, ignore_colors, background)
    if not pattern.any:
        return []
    width, height = grid.shape
    tally = pattern.tally(lambda cells: cells)
    score = tally.kept - 0.01 * tally.off - 100000 * tally.conflict
    found = []
    along_x, along_y = score[:, height - 1].copy(), score[width - 1, :].copy()
    along_x[width - 1] = along_y[height - 1] = 0  # no shift is no symmetry
    # Of equal scores argmax gives the first: the algebraically smallest shift.
    if along_x.max() > 0:
        found.append(TranslationalSymmetry(int(along_x.argmax()) - (width - 1), 0))
    if along_y.max() > 0:
        found.append(TranslationalSymmetry(0, int(along_y.argmax()) - (height - 1)))
    diagonal = score[width:, height:]
    if not found and diagonal.size and diagonal.max() > 0:
        best = np.argwhere(diagonal == diagonal.max()) + 1
        x, y = best[best.sum(axis=1).argmin()].tolist()
        found.append(TranslationalSymmetry(x, y))
    return found


def detect_mirror_symmetry(
    grid: Grid, ignore_colors: Collection[Any] = (BLACK,), background: Any = None
) -> list[MirrorSymmetry]:
    """Return all mirrors that share the best score: at an x, at a y, or at both."""
    pattern = _Pattern(grid, ignore_colors, background)
    if not pattern.any:
        return []
    width, height = grid.shape
    # Mirroring at s/2 takes x to s - x: that is index x + (width - 1 - s) of the reversed grid.
    across_x = pattern.tally(lambda cells: cells[::-1])
    across_y = pattern.tally(lambda cells: cells[:, ::-1])
    across_both = pattern.tally(lambda cells: cells[::-1, ::-1])
    axis_x = np.arange(2 * width) * 0.5
    axis_y = np.arange(2 * height) * 0.5
    centers: list[tuple[Any, Any]] = [(x, None) for x in axis_x.tolist()]
    centers += [(None, y) for y in axis_y.tolist()]
    x, y, half = (a.ravel() for a in np.indices((width, height, 2)))
    centers += zip((x + half / 2).tolist(), (y + half / 2).tolist(), strict=True)
    rows_x = 2 * (width - 1) - np.arange(2 * width)
    rows_y = 2 * (height - 1) - np.arange(2 * height)

    def gather(name: str) -> _Counts:
        counts_x, counts_y, counts_both = (
            _with_rim(getattr(tally, name), total if name == "off" else 0)
            for tally in (across_x, across_y, across_both)
        )
        return np.concatenate(
            [
                counts_x[rows_x, height - 1],
                counts_y[width - 1, rows_y],
                counts_both[rows_x[2 * x + half], rows_y[2 * y + half]],
            ]
        )

    total = int(pattern.occupied.sum())
    kept, off, conflict = gather("kept"), gather("off"), gather("conflict")
    score = np.where((kept > 0) & (conflict == 0), kept - 0.01 * off, -1.0)
    best = max(score.max(), 0.0)
    return [MirrorSymmetry(*_tidy(*centers[i])) for i in np.flatnonzero(score == best)]


def _with_rim(counts: _Counts, outside: int) -> _Counts:
    """Add a last row and column, index -1: shifts so far that nothing lands inside."""
    return np.pad(counts, ((0, 1), (0, 1)), constant_values=outside)


def _tidy(*center: float | None) -> list[float | None]:
    """Whole coordinates as ints."""
    return [int(c) if c is not None and c == int(c) else c for c in center]


def detect_rotational_symmetry(
    grid: Grid, ignore_colors: Collection[Any] = (BLACK,), background: Any = None
) -> RotationalSymmetry | None:
    """Return the quarter-turn symmetry that keeps the most cells, or None without one."""
    pattern = _Pattern(grid, ignore_colors, background)
    if not pattern.any:
        return None
    width, height = grid.shape
    # A quarter turn at (cx, cy) takes (x, y) to (y + cx - cy, cx + cy - x). As rot90(grid)[i, j]
    # is grid[j, height - 1 - i], that is a shift by (height - 1 - cx - cy, cx - cy) on it.
    tally = pattern.tally(np.rot90)
    x, y, half = np.indices((width, height, 2))
    shift_x, shift_y = height - 1 - (x + y + half), x - y
    rows, columns = shift_x + width - 1, shift_y + height - 1
    total = int(pattern.occupied.sum())
    kept, conflict = (
        _with_rim(counts, 0)[rows, columns] for counts in (tally.kept, tally.conflict)
    )
    off = _with_rim(tally.off, total)[rows, columns]
    score = kept - 5 * off - 1000 * conflict
    best = int(score.argmax())
    if score.flat[best] <= 0:
        return None
    center_x, center_y = (float(c.flat[best] + half.flat[best] / 2) for c in (x, y))
    return RotationalSymmetry(*_tidy(center_x, center_y))
