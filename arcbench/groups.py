"""How large a group must be so that it teaches something, from measured pass rates.

A group whose completions all earn the same teaches nothing. With pass rate p and G completions it
has solved and unsolved ones with the chance P(signal) = 1 − p^G − (1−p)^G.
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

from arcbench.errors import UserError
from arcbench.evaluation import TaskCount

GROUP_SIZES = (4, 8, 16, 32, 64, 128)
FEW_SIGNALS = 0.5  # share of the open tasks' groups; with fewer another size is worth its price


@dataclass(frozen=True, kw_only=True, slots=True)
class GroupSizes:
    """What groups of several sizes give, over all tasks with samples.

    A pass-or-fail reward is assumed: one with parts gives a signal more often. A task that was
    never solved counts as one that never will be, so the shares are a lower bound.
    """

    rates: tuple[float, ...]  # (tasks,) measured pass rates
    samples: int  # the most that a task has: rates below one of them cannot be seen
    signal: Mapping[int, float]  # by group size: share of all groups that have a signal

    @property
    def never(self) -> int:
        """Tasks that no sample solved."""
        return sum(rate == 0 for rate in self.rates)

    @property
    def always(self) -> int:
        """Tasks that every sample solved."""
        return sum(rate == 1 for rate in self.rates)

    @property
    def open_share(self) -> float:
        """Share of the tasks that are solved sometimes: no group size gives more signal."""
        return 1 - (self.never + self.always) / len(self.rates)

    @property
    def advised(self) -> int | None:
        """The smallest size with which half of the open tasks' groups teach; None: none is open."""
        if not self.open_share:
            return None
        enough = FEW_SIGNALS * self.open_share
        return next((g for g, c in self.signal.items() if c >= enough), max(self.signal))


def signal_chance(rate: float, group: int) -> float:
    """Chance that a group of samples holds solved and unsolved ones: 1 − p^G − (1−p)^G."""
    if not 0 <= rate <= 1 or group < 1:
        raise UserError(f"a rate in [0, 1] and a group of at least 1, not {rate} and {group}")
    return max(0.0, 1.0 - rate**group - (1.0 - rate) ** group)


def group_sizes(
    counts: Mapping[str, TaskCount],
    sizes: Sequence[int] = GROUP_SIZES,
    *,
    weights: Mapping[str, float] | None = None,
) -> GroupSizes:
    """What each size gives on these tasks; `weights`: how often each comes (None: equally).

    UserError where no task has samples.
    """
    measured = [t for t, c in counts.items() if c.samples]
    if not measured:
        raise UserError("no task was sampled: measure pass rates first")
    rates = tuple(counts[t].rate for t in measured)
    shares = [1.0 if weights is None else weights[t] for t in measured]
    return GroupSizes(
        rates=rates,
        samples=max(counts[t].samples for t in measured),
        signal={
            size: sum(signal_chance(r, size) * s for r, s in zip(rates, shares, strict=True))
            / sum(shares)
            for size in sorted(set(sizes))
        },
    )
