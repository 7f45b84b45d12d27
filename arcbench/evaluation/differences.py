"""How sure a difference is: intervals and tests for two evaluations of the same tasks."""

from collections.abc import Sequence
from dataclasses import dataclass, replace
from math import sqrt

import numpy as np

from arcbench.evaluation.pass_at_k import (
    FEW_TASKS,
    Floats,
    TaskCount,
    bootstrap_means,
    bootstrap_tail,
)

RESAMPLES = 10_000  # the smallest p that they can tell is 0.0002


@dataclass(frozen=True, kw_only=True, slots=True)
class Difference:
    """A figure of both sides, a mean over the common tasks, and by how much it changed.

    `low` and `high` are the 95 % interval of the change, and `p` (two-sided) tells how easily a
    change as large comes about by chance; None where the tasks do not tell (see `paired`).
    """

    name: str
    a: float
    b: float
    low: float | None = None
    high: float | None = None
    p: float | None = None

    @property
    def change(self) -> float:
        """How much the second side is above the first."""
        return self.b - self.a


def paired(
    names: Sequence[str], a_TF: Floats, b_TF: Floats, rng: np.random.Generator
) -> list[Difference]:
    """Differences of means over tasks, with interval and p by a bootstrap over the tasks.

    Both are None where there are fewer than FEW_TASKS, and where all tasks changed alike: the
    tasks then do not tell how much others would change.
    """
    from scipy.special import ndtri, stdtr

    tasks, change_TF = len(a_TF), b_TF - a_TF
    means = zip(a_TF.mean(axis=0), b_TF.mean(axis=0), strict=True)
    plain = [
        Difference(name=n, a=float(x), b=float(y)) for n, (x, y) in zip(names, means, strict=True)
    ]
    if tasks < FEW_TASKS:
        return plain
    means_RF = bootstrap_means(change_TF, rng, resamples=RESAMPLES)
    tail = bootstrap_tail(tasks)
    lows, highs = np.quantile(means_RF, [tail, 1 - tail], axis=0)
    # Means of the same numbers in another order differ in the last digits.
    beyond = np.minimum((means_RF <= 1e-12).sum(axis=0), (means_RF >= -1e-12).sum(axis=0))
    # The same widening as that of the interval, so that the two agree.
    scores = ndtri(np.minimum(0.5, (beyond + 1) / (RESAMPLES + 1))) / sqrt(tasks / (tasks - 1))
    ps = np.minimum(1.0, 2 * stdtr(tasks - 1, scores))
    return [
        replace(
            d, low=min(float(lows[i]), d.change), high=max(float(highs[i]), d.change),
            p=float(ps[i]),
        )
        if np.ptp(change_TF[:, i]) > 0
        else d
        for i, d in enumerate(plain)
    ]  # fmt: skip


def rate_interval(a: Sequence[TaskCount], b: Sequence[TaskCount]) -> tuple[float, float]:
    """The 95 % interval of the change of the mean pass rate of these very tasks.

    Only what is drawn is uncertain. With one task it is that of Newcombe 1998 (method 10), whose
    way to put intervals of single rates together serves for any number.
    """
    change = below = above = 0.0
    for x, y in zip(a, b, strict=True):
        (low_x, high_x), (low_y, high_y) = x.interval, y.interval
        change += (y.rate - x.rate) / len(a)
        below += (y.rate - low_y) ** 2 + (high_x - x.rate) ** 2
        above += (high_y - y.rate) ** 2 + (x.rate - low_x) ** 2
    return change - sqrt(below) / len(a), change + sqrt(above) / len(a)


def rate_test(a: Sequence[TaskCount], b: Sequence[TaskCount]) -> float:
    """p of the exact test, two-sided, that no task's pass rate differs between the sides.

    Given how many samples of each task are right on both sides together, the number of those of
    the second side has a known distribution; with one task this is Fisher's test.
    """
    from scipy.stats import hypergeom

    chances, first, seen = np.ones(1), 0, 0
    for x, y in zip(a, b, strict=True):
        low, high = max(0, x.solved + y.solved - x.samples), min(y.samples, x.solved + y.solved)
        one = hypergeom.pmf(
            np.arange(low, high + 1), x.samples + y.samples, x.solved + y.solved, y.samples
        )
        (there,) = np.nonzero(one > 1e-30)  # of many samples few numbers are likely at all
        chances = np.convolve(chances, one[there[0] : there[-1] + 1])
        first += low + int(there[0])
        seen += y.solved
    place = seen - first
    found = chances[place] if 0 <= place < len(chances) else 0.0
    return min(1.0, float(chances[chances <= found * (1 + 1e-7)].sum()))


def fisher(a: TaskCount, b: TaskCount) -> float:
    """p of Fisher's exact test, two-sided: how easily two equal pass rates give such counts."""
    from scipy.stats import fisher_exact

    if not (a.solved or b.solved) or (a.solved, b.solved) == (a.samples, b.samples):
        return 1.0
    table = [[a.solved, a.samples - a.solved], [b.solved, b.samples - b.solved]]
    return min(1.0, float(fisher_exact(table).pvalue))


def mcnemar(a: Sequence[TaskCount], b: Sequence[TaskCount]) -> float:
    """p of McNemar's exact test, two-sided, on solved tasks.

    If the sides were equally good, a task that one of them alone solves would be either's with
    the same chance.
    """
    from scipy.stats import binomtest

    gained = sum(y.solved > 0 == x.solved for x, y in zip(a, b, strict=True))
    lost = sum(x.solved > 0 == y.solved for x, y in zip(a, b, strict=True))
    return float(binomtest(gained, gained + lost).pvalue) if gained + lost else 1.0
