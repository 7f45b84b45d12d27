"""Which symmetries a pattern has, scored for all candidates at once."""

from collections.abc import Collection
from dataclasses import dataclass
from functools import cache
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

    def __init__(self, grid: Grid, ignored: Mask, occupied: Mask) -> None:
        self.grid = grid
        self.ignored = ignored
        self.occupied = occupied
        self.total = int(np.count_nonzero(occupied))

    def tally(self, turn: Any) -> _Tally:
        """Lay the occupied cells onto `turn(grid)`, a reversal or rotation as a view."""
        target, ignored = turn(self.grid), turn(self.ignored)
        source_shape, target_shape = self.grid.shape, target.shape
        shifts = (source_shape[0] + target_shape[0] - 1, source_shape[1] + target_shape[1] - 1)
        size = (_fast_length(shifts[0]), _fast_length(shifts[1]))

        def spectrum(masks: Mask) -> NDArray[np.complex128]:
            return fft.rfft2(masks.astype(float), s=size, axes=(-2, -1))

        # Cross-correlation counts, for every shift, the pairs of ones that meet; the counts are
        # whole numbers below 10⁴, so rounding gives them exactly.
        colors = np.unique(self.grid[self.occupied])[:, None, None]
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
        kept, inside, solid = counts[:, : shifts[0], : shifts[1]]
        return _Tally(kept=kept, off=self.total - inside, conflict=solid - kept)

    def tally_lines(self, mirrored: bool) -> _Tally:
        """Move or mirror along the first axis only: arrays by shift + width - 1, or by x + x'."""
        width = self.grid.shape[0]
        same = (self.grid[:, None] == self.grid[None]) & self.occupied[:, None]
        source, target = np.indices((width, width))
        line = (source + target if mirrored else target - source + width - 1).ravel()

        def count(pairs: NDArray[Any]) -> _Counts:
            counts = np.bincount(line, weights=pairs.ravel(), minlength=2 * width)
            return np.rint(counts).astype(np.int64)

        # (x, x'): cells of line x that land on line x' in their colour, at all, not on an ignored
        kept = count(np.count_nonzero(same, axis=2))
        occupied = self.occupied.astype(float)
        inside = count(occupied.sum(axis=1)[:, None].repeat(width, axis=1))
        solid = count(occupied @ ~self.ignored.T)
        return _Tally(kept=kept, off=self.total - inside, conflict=solid - kept)

    def turned(self) -> "_Pattern":
        """The pattern with its axes exchanged."""
        return _Pattern(self.grid.T, self.ignored.T, self.occupied.T)


Colors = Collection[Any] | int | None


def _pattern(grid: Grid, ignore_colors: Colors, background: Any) -> _Pattern:
    """The cells that are neither ignored nor background, as the pattern.

    A single colour is ignored, None ignores nothing, and neither does a set, which `np.isin` takes
    for one value.
    """
    ignored = np.zeros(grid.shape, dtype=bool)
    if ignore_colors is not None and not isinstance(ignore_colors, set | frozenset):
        for color in np.ravel(np.asarray(ignore_colors)):
            ignored |= grid == color
    occupied = ~ignored
    if background is not None:
        occupied &= grid != background
    return _Pattern(grid, ignored, occupied)


@cache
def _fast_length(least: int) -> int:
    """The next length without prime factors above 5, which Fourier transforms are quick at."""
    for length in range(least, 2 * least + 1):
        rest = length
        for factor in (2, 3, 5):
            while rest % factor == 0:
                rest //= factor
        if rest == 1:
            return length
    return 1  # nothing to transform


def _score_moves(tally: _Tally) -> NDArray[np.float64]:
    """The score of translations, in this order of operations."""
    return tally.kept - 0.01 * tally.off - 100000 * tally.conflict


def detect_translational_symmetry(
    grid: Grid, ignore_colors: Colors = (BLACK,), background: Any = None
) -> list[TranslationalSymmetry]:
    """Return the best shift along x and the best along y, each if there is one.

    Without either, the best diagonal shift. Cells of `ignore_colors` are unknown: they fit all.
    Those of `background` count only where another cell would land on them. [] without a symmetry.
    """
    pattern = _pattern(grid, ignore_colors, background)
    if not pattern.total:
        return []
    width, height = grid.shape
    found = []
    for turned, lines, side in ((False, pattern, width), (True, pattern.turned(), height)):
        score = _score_moves(lines.tally_lines(mirrored=False))[: 2 * side - 1]
        score[side - 1] = 0  # no shift is no symmetry
        # Of equal scores argmax gives the first: the algebraically smallest shift.
        if score.max() > 0:
            shift = int(score.argmax()) - (side - 1)
            found.append(TranslationalSymmetry(*((0, shift) if turned else (shift, 0))))
    if found:
        return found
    diagonal = _score_moves(pattern.tally(lambda cells: cells))[width:, height:]
    if diagonal.size and diagonal.max() > 0:
        best = np.argwhere(diagonal == diagonal.max()) + 1
        x, y = best[best.sum(axis=1).argmin()].tolist()
        found.append(TranslationalSymmetry(x, y))
    return found


def detect_mirror_symmetry(
    grid: Grid, ignore_colors: Colors = (BLACK,), background: Any = None
) -> list[MirrorSymmetry]:
    """Return all mirrors that share the best score: at an x, at a y, or at both.

    The score is the cells that land on their own colour, less a hundredth for each one that lands
    outside; none may land on another colour but those of `ignore_colors`. [] without a mirror.
    """
    pattern = _pattern(grid, ignore_colors, background)
    if not pattern.total:
        return []
    width, height = grid.shape
    # Mirroring at s/2 takes x to s - x; at a point that is index x + (width - 1 - s) of the
    # reversed grid.
    across_x = pattern.tally_lines(mirrored=True)
    across_y = pattern.turned().tally_lines(mirrored=True)
    across_both = pattern.tally(lambda cells: cells[::-1, ::-1])
    x, y, half = (a.ravel() for a in np.indices((width, height, 2)))
    rows = 2 * (width - 1) - 2 * x - half
    columns = 2 * (height - 1) - 2 * y - half

    def gather(name: str) -> _Counts:
        of_points = _with_rim(getattr(across_both, name), pattern.total if name == "off" else 0)
        lines = getattr(across_x, name), getattr(across_y, name)
        return np.concatenate([*lines, of_points[rows, columns]])

    kept, off, conflict = gather("kept"), gather("off"), gather("conflict")
    score = np.where((kept > 0) & (conflict == 0), kept - 0.01 * off, -1.0)
    best = max(score.max(), 0.0)
    centers: list[tuple[Any, Any]] = []
    for i in np.flatnonzero(score == best).tolist():
        point = i - 2 * width - 2 * height
        if i < 2 * width:
            centers.append((i / 2, None))
        elif point < 0:
            centers.append((None, (i - 2 * width) / 2))
        else:
            centers.append((x[point] + half[point] / 2, y[point] + half[point] / 2))
    return [MirrorSymmetry(*_tidy(*center)) for center in centers]


def _with_rim(counts: _Counts, outside: int) -> _Counts:
    """Add a last row and column, index -1: shifts so far that nothing lands inside."""
    return np.pad(counts, ((0, 1), (0, 1)), constant_values=outside)


def _tidy(*center: float | None) -> list[float | None]:
    """Whole coordinates as ints."""
    return [c if c is None else int(c) if c == int(c) else float(c) for c in center]


def detect_rotational_symmetry(
    grid: Grid, ignore_colors: Colors = (BLACK,), background: Any = None
) -> RotationalSymmetry | None:
    """Return the quarter-turn symmetry that keeps the most cells, or None without one.

    Its centre is at (center_x, center_y), ints or halves. No cell may land on another colour but
    those of `ignore_colors`; one that lands outside costs five that are kept.
    """
    pattern = _pattern(grid, ignore_colors, background)
    if not pattern.total:
        return None
    width, height = grid.shape
    # A quarter turn at (cx, cy) takes (x, y) to (y + cx - cy, cx + cy - x). As rot90(grid)[i, j]
    # is grid[j, height - 1 - i], that is a shift by (height - 1 - cx - cy, cx - cy) on it.
    tally = pattern.tally(np.rot90)
    x, y, half = np.indices((width, height, 2))
    shift_x, shift_y = height - 1 - (x + y + half), x - y
    rows, columns = shift_x + width - 1, shift_y + height - 1
    kept, conflict = (
        _with_rim(counts, 0)[rows, columns] for counts in (tally.kept, tally.conflict)
    )
    off = _with_rim(tally.off, pattern.total)[rows, columns]
    score = kept - 5 * off - 1000 * conflict
    best = int(score.argmax())
    if score.flat[best] <= 0:
        return None
    center_x, center_y = (float(c.flat[best] + half.flat[best] / 2) for c in (x, y))
    return RotationalSymmetry(*_tidy(center_x, center_y))
