"""How sure a difference is: intervals and tests for two evaluations of the same tasks."""

from collections.abc import Sequence
from dataclasses import dataclass
from math import hypot

import numpy as np

from arcbench.evaluation.pass_at_k import Floats, TaskCount, bootstrap_means

RESAMPLES = 10_000  # the smallest p that they can tell is 0.0002


@dataclass(frozen=True, kw_only=True, slots=True)
class Difference:
    """A figure of both sides, a mean over the common tasks, and by how much it changed.

    `low` and `high` are the 95 % interval of the change, and `p` (two-sided) tells how easily a
    change as large comes about by chance; None where the tasks are not known one by one.
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
    """Differences of means over tasks, by a bootstrap over the tasks.

    Where all tasks changed alike (one task does) the interval and p are None.
    """
    change_TF = b_TF - a_TF
    means_RF = bootstrap_means(change_TF, rng, resamples=RESAMPLES)
    lows, highs = np.quantile(means_RF, [0.025, 0.975], axis=0)
    # Means of the same numbers in another order differ in the last digits.
    beyond = np.minimum((means_RF <= 1e-12).sum(axis=0), (means_RF >= -1e-12).sum(axis=0))
    found = []
    for i, name in enumerate(names):
        a, b = float(a_TF[:, i].mean()), float(b_TF[:, i].mean())
        plain = Difference(name=name, a=a, b=b)
        if np.ptp(change_TF[:, i]) > 0:
            plain = Difference(
                name=name, a=a, b=b,
                low=min(float(lows[i]), b - a), high=max(float(highs[i]), b - a),
                p=min(1.0, 2 * (int(beyond[i]) + 1) / (RESAMPLES + 1)),
            )  # fmt: skip
        found.append(plain)
    return found


def pooled(counts: Sequence[TaskCount]) -> TaskCount:
    """All samples of all tasks, as if of one."""
    return TaskCount(samples=sum(c.samples for c in counts), solved=sum(c.solved for c in counts))


def newcombe(a: TaskCount, b: TaskCount) -> tuple[float, float]:
    """The 95 % interval of the difference of two shares (Newcombe 1998, his method 10)."""
    (low_a, high_a), (low_b, high_b), change = a.interval, b.interval, b.rate - a.rate
    return (
        change - hypot(b.rate - low_b, high_a - a.rate),
        change + hypot(high_b - b.rate, a.rate - low_a),
    )


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
