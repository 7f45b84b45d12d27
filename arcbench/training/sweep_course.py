"""The course of a reward over the steps of a run: its noise, and how clearly it moved."""

from dataclasses import dataclass
from math import copysign, inf, sqrt

import numpy as np
from numpy.typing import NDArray

Series = NDArray[np.float64]


@dataclass(frozen=True, kw_only=True, slots=True)
class Shift:
    """How far the end of a course lies from its beginning."""

    begin: int  # steps
    end: int
    first: float  # mean
    last: float
    score: float  # in standard errors; up is positive


@dataclass(frozen=True, kw_only=True, slots=True)
class Course:
    """A mean reward a step, at least one, and what is known of the error of each mean."""

    rewards_T: Series
    errors_T: Series  # standard errors, from the spread within each step; 0: not known

    @property
    def tail(self) -> int:
        """How many steps are the end: a tenth, at least three."""
        steps = len(self.rewards_T)
        return max(min(3, steps // 3), steps // 10, 1)

    @property
    def third(self) -> int:
        """A third of the steps."""
        return max(1, len(self.rewards_T) // 3)

    @property
    def noise(self) -> float:
        """The standard deviation of a step, from the differences of neighbours (von Neumann).

        The largest tenth of them, at least one, is left out: a jump is no noise. What that takes
        from the variance of a normal variable is put back.
        """
        from scipy.special import chdtr, chdtri

        squares = np.sort(np.diff(self.rewards_T) ** 2)
        kept = squares[: len(squares) - max(1, len(squares) // 10)]
        if not len(kept):
            return 0.0
        share = len(kept) / len(squares)
        left = float(chdtr(3, chdtri(1, 1 - share))) / share
        return float(np.sqrt(np.mean(kept) / left / 2))

    def shifts(self, *ends: int) -> list[Shift]:
        """From the first 1, 2, 4 … steps, at most a third of all, to each of the last `ends`."""
        begins = {self.third, *(2**i for i in range(self.third.bit_length()))}
        sigma = self.noise
        return [self._shift(b, e, sigma) for b in sorted(begins) for e in sorted(set(ends))]

    def strongest(self) -> Shift:
        """The clearest shift between a beginning and an end."""
        return max(self.shifts(self.third, self.tail), key=lambda s: abs(s.score))

    def shift(self, begin: int, end: int) -> Shift:
        """From the first `begin` steps to the last `end`."""
        return self._shift(begin, end, self.noise)

    def drawdown(self) -> tuple[float, float, int, float]:
        """The deepest fall of the mean over `tail` steps: peak, trough, its last step, score.

        The course must have two such parts.
        """
        window, x_T = self.tail, self.rewards_T
        sums = np.cumsum(np.r_[0.0, x_T])
        means = (sums[window:] - sums[:-window]) / window
        peaks = np.maximum.accumulate(means)[:-window]  # of all parts before that of the trough
        troughs = means[window:]
        at = int(np.argmax(peaks - troughs))
        peak, trough = float(peaks[at]), float(troughs[at])
        error = max(self.noise, _rms(self.errors_T)) * sqrt(2 / window)
        return peak, trough, at + 2 * window, self._score(peak - trough, error)

    def _shift(self, begin: int, end: int, sigma: float) -> Shift:
        first, last = float(self.rewards_T[:begin].mean()), float(self.rewards_T[-end:].mean())
        # One lucky completion among many that earn nothing leaves no noise between neighbours, but
        # a spread within its step.
        before = max(sigma, _rms(self.errors_T[:begin]))
        after = max(sigma, _rms(self.errors_T[-end:]))
        error = sqrt(before**2 / begin + after**2 / end)
        score = self._score(last - first, error)
        return Shift(begin=begin, end=end, first=first, last=last, score=score)

    def _score(self, move: float, error: float) -> float:
        # Means of equal numbers differ in their last digit.
        if abs(move) <= 1e-9 * float(np.abs(self.rewards_T).max()):
            return 0.0
        return move / error if error else copysign(inf, move)


def course(rewards_T: Series, errors_T: Series | None = None) -> Course:
    """The course of these rewards; errors that are not given are not known."""
    x_T = np.asarray(rewards_T, dtype=np.float64)
    return Course(rewards_T=x_T, errors_T=np.zeros_like(x_T) if errors_T is None else errors_T)


def critical(steps: int, chance: float) -> float:
    """The score that pure noise exceeds with this chance, on one side."""
    from scipy.special import stdtrit

    # The variance from differences has two thirds of the usual degrees of freedom.
    return float(stdtrit(max(1.0, 2 * (steps - 1) / 3), 1 - chance))


def _rms(x: Series) -> float:
    return float(np.sqrt(np.mean(x**2)))
