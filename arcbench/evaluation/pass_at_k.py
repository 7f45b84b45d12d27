"""How often a policy solves its tasks: unbiased pass@k over a set of tasks."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from math import prod

import numpy as np

from arcbench.errors import UserError


@dataclass(frozen=True, kw_only=True, slots=True)
class TaskCount:
    """How many samples of one task there are, and how many of them solve it."""

    samples: int
    solved: int


@dataclass(frozen=True, kw_only=True, slots=True)
class PassAtK:
    """pass@k over tasks, with a 95 % interval (bootstrap over tasks)."""

    k: int
    value: float
    low: float
    high: float
    tasks: int

    def __str__(self) -> str:
        return (
            f"pass@{self.k} {self.value:.1%} (95 % interval {self.low:.1%}-{self.high:.1%}, "
            f"{self.tasks} tasks)"
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
    return 1.0 - prod((samples - solved - i) / (samples - i) for i in range(k))


def evaluate_counts(
    counts: Mapping[str, TaskCount],
    ks: Sequence[int],
    rng: np.random.Generator,
    *,
    resamples: int = 2000,
) -> list[PassAtK]:
    """pass@k of every k over all tasks of `counts`; a task without samples counts as unsolved.

    Raises UserError where a task has some samples, but fewer than k.
    """
    results = []
    for k in ks:
        rates_T = np.array(
            [pass_at_k(c.samples, c.solved, k) if c.samples else 0.0 for c in counts.values()]
        )
        if not len(rates_T):
            raise UserError("there are no tasks to evaluate")
        draws_RT = rng.integers(0, len(rates_T), size=(resamples, len(rates_T)))
        low, high = np.quantile(rates_T[draws_RT].mean(axis=1), [0.025, 0.975])
        results.append(
            PassAtK(
                k=k,
                value=float(rates_T.mean()),
                low=float(low),
                high=float(high),
                tasks=len(counts),
            )
        )
    return results
