"""How often a policy solves its tasks: unbiased pass@k over a set of tasks, with intervals."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from math import expm1, fsum, log1p, sqrt

import numpy as np
import numpy.typing as npt

from arcbench.errors import UserError

Floats = npt.NDArray[np.float64]

RESAMPLES = 2000
FEW_TASKS = 10  # fewer say nothing of other tasks: intervals are then those of their samples
_Z95 = 1.959963984540054  # the normal distribution has 95 % of its mass within ± this


@dataclass(frozen=True, kw_only=True, slots=True)
class TaskCount:
    """How many samples of one task there are, and how many of them solve it."""

    samples: int
    solved: int

    @property
    def rate(self) -> float:
        """Share of samples that solve the task, 0 where there are none."""
        return self.solved / self.samples if self.samples else 0.0

    @property
    def interval(self) -> tuple[float, float]:
        """95 % interval of the pass rate, from the samples of this task alone (Wilson)."""
        return wilson(self.solved, self.samples)


@dataclass(frozen=True, kw_only=True, slots=True)
class PassAtK:
    """pass@k over tasks, with a 95 % interval.

    The interval is that of other tasks of the same kind (bootstrap over tasks). With fewer than
    FEW_TASKS it is that of other samples of these tasks, and where all rates are 0, or all are 1,
    which a bootstrap takes for certain, that of a share of tasks (Wilson).
    """

    k: int
    value: float
    low: float
    high: float
    tasks: int

    def __str__(self) -> str:
        return (
            f"pass@{self.k} {self.value:.1%} (95 % interval {self.low:.1%}-{self.high:.1%}, "
            f"{self.tasks} task{'' if self.tasks == 1 else 's'})"
        )


def pass_at_k(samples: int, solved: int, k: int) -> float:
    """Chance that at least one of `k` samples drawn from `samples` is among the `solved` ones.

    The unbiased estimator 1 − C(n−c, k) / C(n, k) of Chen et al. 2021 (arXiv 2107.03374).
    """
    if not 0 <= solved <= samples:
        raise UserError(f"solved must be between 0 and samples ({samples}), not {solved}")
    if not 1 <= k <= samples:
        raise UserError(f"k must be between 1 and the number of samples ({samples}), not {k}")
    if samples - solved < k:
        return 1.0
    if k == 1:
        return solved / samples
    # C(n−c, k) / C(n, k) is also C(n−k, c) / C(n, c): the shorter product is taken.
    few, many = sorted((k, solved))
    return -expm1(fsum(log1p(-many / (samples - i)) for i in range(few)))


def pass_at_ks(counts: Sequence[TaskCount], ks: Sequence[int]) -> Floats:
    """`pass_at_k` of every task at every k, (tasks, ks); nan where a task has fewer samples than k.

    A task's samples may be 100,000: logarithms are summed, so that nothing overflows and small
    rates keep their digits.
    """
    rates_TK = np.full((len(counts), len(ks)), np.nan)
    if not len(ks):
        return rates_TK
    at_K = np.asarray(ks)
    if at_K.min() < 1:
        raise UserError(f"k must be at least 1, not {at_K.min()}")
    known: dict[TaskCount, Floats] = {}
    for i, count in enumerate(counts):
        if count not in known:
            known[count] = _curve(count, at_K)
        rates_TK[i] = known[count]
    return rates_TK


def _curve(count: TaskCount, at_K: npt.NDArray[np.int64]) -> Floats:
    n, c = count.samples, count.solved
    if not 0 <= c <= n:
        raise UserError(f"solved must be between 0 and samples ({n}), not {c}")
    rates_K = np.full(len(at_K), np.nan)
    rates_K[at_K <= n] = 1.0
    inside = at_K <= n - c
    if inside.any():
        drawn = np.arange(at_K[inside].max())
        logs = np.cumsum(np.log1p(-c / (n - drawn)))
        rates_K[inside] = -np.expm1(logs[at_K[inside] - 1])
    if n:
        rates_K[at_K == 1] = c / n  # to the last digit: it is the pass rate
    return rates_K


def wilson(solved: int, samples: int) -> tuple[float, float]:
    """The 95 % score interval of a share (Wilson 1927); (0, 1) where there are no samples."""
    if not samples:
        return 0.0, 1.0
    p, z2 = solved / samples, _Z95 * _Z95
    centre = p + z2 / (2 * samples)
    half = _Z95 * sqrt(p * (1 - p) / samples + z2 / (4 * samples * samples))
    low, high = ((centre + sign * half) / (1 + z2 / samples) for sign in (-1, 1))
    return (max(0.0, min(low, p)) if solved else 0.0), (
        min(1.0, max(high, p)) if solved < samples else 1.0
    )


def bootstrap_means(
    values_TK: Floats,
    rng: np.random.Generator,
    *,
    resamples: int = RESAMPLES,
    at_a_time: int = 4_000_000,
) -> Floats:
    """Means over tasks that are drawn with replacement, (resamples, K): each column has the same.

    Because the draws are shared, columns may be subtracted from each other. `at_a_time` bounds
    the draws that are held in memory, 8 bytes each.
    """
    tasks = len(values_TK)
    means_RK = np.empty((resamples, values_TK.shape[1]))
    most = max(1, at_a_time // tasks)
    for start in range(0, resamples, most):
        rows = min(most, resamples - start)
        draws = rng.integers(0, tasks, size=(rows, tasks))
        draws += np.arange(rows)[:, None] * tasks
        weights = np.bincount(draws.ravel(), minlength=rows * tasks).reshape(rows, tasks)
        means_RK[start : start + rows] = weights @ values_TK / tasks
    return means_RK


def bootstrap_tail(tasks: int) -> float:
    """The quantile of bootstrap means that ends a 95 % interval: 0.025 for very many tasks.

    Means of few tasks vary less than they should, and their spread is itself uncertain; the
    quantile corrects both (the expanded percentile interval of Hesterberg 2015).
    """
    from scipy.special import ndtr, stdtrit

    if tasks < 2:
        return 0.025
    return float(ndtr(sqrt(tasks / (tasks - 1)) * stdtrit(tasks - 1, 0.025)))


def evaluate_counts(
    counts: Mapping[str, TaskCount],
    ks: Sequence[int],
    rng: np.random.Generator,
    *,
    resamples: int = RESAMPLES,
) -> list[PassAtK]:
    """pass@k of every k over all tasks of `counts`; a task without samples counts as unsolved.

    Raises UserError where a task has some samples, but fewer than k.
    """
    if not counts:
        raise UserError("there are no tasks to evaluate")
    least = min((c.samples for c in counts.values() if c.samples), default=None)
    for k in ks:
        if k < 1 or (least is not None and k > least):
            raise UserError(f"k must be between 1 and the number of samples ({least}), not {k}")
    rates_TK = np.nan_to_num(pass_at_ks(list(counts.values()), ks))
    means_RK = bootstrap_means(rates_TK, rng, resamples=resamples)
    tail = bootstrap_tail(len(counts))
    lows, highs = np.quantile(means_RK, [tail, 1 - tail], axis=0)
    return [
        _bounded(k, rates_TK[:, i], float(lows[i]), float(highs[i]), list(counts.values()))
        for i, k in enumerate(ks)
    ]


def _bounded(
    k: int, rates_T: Floats, low: float, high: float, counts: Sequence[TaskCount]
) -> PassAtK:
    """The figure with its interval, which contains it; see PassAtK for the special cases."""
    tasks, value = len(rates_T), float(rates_T.mean())
    if tasks < FEW_TASKS:
        # As intervals of rates are put together in Newcombe 1998 (method 10).
        ends_T2 = np.array([[_found_in(p, k) for p in c.interval] for c in counts])
        below, above = np.sqrt(((ends_T2 - rates_T[:, None]) ** 2).sum(axis=0)) / tasks
        low, high = value - float(below), min(1.0, value + float(above))
    elif (rates_T == 0).all() or (rates_T == 1).all():
        low, high = wilson(int(rates_T.sum()), tasks)
    low, high = max(0.0, min(low, value)), max(high, value)
    return PassAtK(k=k, value=value, low=low, high=high, tasks=tasks)


def _found_in(rate: float, k: int) -> float:
    return -expm1(k * log1p(-rate)) if rate < 1 else 1.0


def curve_ks(samples: int, points: int = 48) -> list[int]:
    """1 … `samples`, about even on a logarithmic axis; the powers of two are among them."""
    if samples < 1:
        return []
    powers = {2**i for i in range(samples.bit_length())}
    return sorted({round(k) for k in np.geomspace(1, samples, points)} | powers)


def doubtful(counts: Mapping[str, TaskCount], ks: Sequence[int]) -> tuple[list[int], list[str]]:
    """The `ks` that every task with samples allows, and what is to be said about the others."""
    least = min((c.samples for c in counts.values() if c.samples), default=0)
    short = {k: sum(0 < c.samples < k for c in counts.values()) for k in ks}
    kept = [k for k in ks if k <= least]
    told = [
        f"pass@{k} is left out: {n} of {len(counts)} tasks have fewer than {k} samples"
        for k, n in short.items()
        if n
    ]
    if wide := [k for k in kept if k > 1 and 4 * k > least]:
        names = ", ".join(f"pass@{k}" for k in wide)
        told.append(
            f"{names}: k is more than a quarter of the {least} samples, so the estimate of a task "
            "varies much"
        )
    return kept, told
