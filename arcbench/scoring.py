"""Predicted against expected, pair by pair."""

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from typing import Literal

import numpy as np

from arcbench.grids import MAX_SIDE, Grid, same_grid

Split = Literal["train", "test"]
_ONES = np.ones(MAX_SIDE * MAX_SIDE, dtype=np.float32)  # (cells,) a product with it adds fastest


@dataclass(frozen=True, kw_only=True, slots=True)
class PairScore:
    """How one output compares with the expected one."""

    split: Split
    valid: bool  # a grid came out
    exact: bool
    pixel: float  # 0–1, see pixel_score
    same_shape: bool


@dataclass(frozen=True, kw_only=True, slots=True)
class Score:
    """The scores of a program's pairs, train pairs first."""

    pairs: tuple[PairScore, ...]

    def of(self, splits: Iterable[Split]) -> "Score":
        """The part of the score that belongs to `splits`."""
        wanted = set(splits)
        return Score(pairs=tuple(p for p in self.pairs if p.split in wanted))

    @property
    def solved_train(self) -> bool:
        """Whether every train pair is exact (False where there is none)."""
        return _all_exact(self.of(["train"]).pairs)

    @property
    def solved_test(self) -> bool:
        """Whether every test pair is exact (False where there is none)."""
        return _all_exact(self.of(["test"]).pairs)

    @property
    def solved(self) -> bool:
        """Whether every pair, train and test, is exact."""
        return _all_exact(self.pairs)

    @property
    def exact_rate(self) -> float:
        """Share of exact pairs, 0–1."""
        return _mean([p.exact for p in self.pairs])

    @property
    def pixel_rate(self) -> float:
        """Mean pixel score, 0–1."""
        return _mean([p.pixel for p in self.pairs])

    @property
    def valid_rate(self) -> float:
        """Share of pairs for which a grid came out, 0–1."""
        return _mean([p.valid for p in self.pairs])


def _all_exact(pairs: Sequence[PairScore]) -> bool:
    return bool(pairs) and all(p.exact for p in pairs)


def _mean(values: Sequence[float]) -> float:
    return sum(values) / len(values) if values else 0.0


def pixel_score(predicted: Grid, expected: Grid) -> float:
    """Share of equal cells, 0–1; for unequal shapes at the best offset of one over the other.

    With unequal shapes one grid is slid over the other, the offset with the most equal cells is
    taken, and their number is divided by the area of the box (max height × max width).
    """
    if predicted.shape == expected.shape:
        return float(np.count_nonzero(predicted == expected)) / predicted.size
    (h1, w1), (h2, w2) = predicted.shape, expected.shape
    h, w = min(h1, h2), min(w1, w2)
    # All offsets at once; along each axis one of the two has a single place.
    equal = np.equal(_windows(predicted, h, w), _windows(expected, h, w)).reshape(-1, h * w)
    best = int((equal.astype(np.float32) @ _ONES[: h * w]).max())
    area: int = max(h1, h2) * max(w1, w2)
    return best / area


def _windows(grid: Grid, h: int, w: int) -> Grid:
    """Every part of h × w cells: (rows, columns, h, w), a view."""
    grid = np.ascontiguousarray(grid)
    rows, columns = grid.shape[0] - h + 1, grid.shape[1] - w + 1
    # What numpy's sliding_window_view gives, which takes longer than all the rest here.
    return np.ndarray((rows, columns, h, w), grid.dtype, grid, strides=grid.strides * 2)


def score_pair(predicted: Grid | None, expected: Grid, split: Split) -> PairScore:
    """Score one output; None (no valid grid) scores nothing."""
    if predicted is None:
        return PairScore(split=split, valid=False, exact=False, pixel=0.0, same_shape=False)
    exact = same_grid(predicted, expected)
    return PairScore(
        split=split,
        valid=True,
        exact=exact,
        pixel=1.0 if exact else pixel_score(predicted, expected),
        same_shape=predicted.shape == expected.shape,
    )
