"""How far apart two policies are on the same sampled tokens.

Everything is kept as sums that add up, so that micro-batches and processes can be put together.
"""

from collections.abc import Iterable
from dataclasses import dataclass
from math import exp, inf

import numpy as np
import numpy.typing as npt

Floats = npt.NDArray[np.floating]

_LARGEST = 700.0  # e to this is still a number


@dataclass(frozen=True, kw_only=True, slots=True)
class RatioSums:
    """Sums over the log-ratios of tokens (or of completions); sums of none by default."""

    count: int = 0
    total: float = 0.0  # of the log-ratios
    absolute: float = 0.0  # of their sizes
    low: float = inf
    high: float = -inf
    # Logarithms of the sums of the ratios and of their squares, which may be too large for numbers.
    log_sum: float = -inf
    log_squares: float = -inf

    @classmethod
    def of(cls, log_ratios: Floats) -> "RatioSums":
        """Of all that are finite."""
        finite = log_ratios[np.isfinite(log_ratios)].astype(np.float64)
        if not len(finite):
            return cls()
        return cls(
            count=len(finite),
            total=float(finite.sum()),
            absolute=float(np.abs(finite).sum()),
            low=float(finite.min()),
            high=float(finite.max()),
            log_sum=_log_sum_exp(finite),
            log_squares=_log_sum_exp(2 * finite),
        )

    def __add__(self, other: "RatioSums") -> "RatioSums":
        """Those of both together."""
        return RatioSums(
            count=self.count + other.count,
            total=self.total + other.total,
            absolute=self.absolute + other.absolute,
            low=min(self.low, other.low),
            high=max(self.high, other.high),
            log_sum=float(np.logaddexp(self.log_sum, other.log_sum)),
            log_squares=float(np.logaddexp(self.log_squares, other.log_squares)),
        )

    # All of these need a count above 0.

    @property
    def gap(self) -> float:
        """Mean size of a log-ratio, in nats."""
        return self.absolute / self.count

    @property
    def largest_gap(self) -> float:
        """Size of the largest log-ratio, in nats."""
        return max(-self.low, self.high)

    @property
    def mean(self) -> float:
        """Mean ratio; 1 in expectation where the tokens were drawn from the denominator."""
        return _exp(self.log_sum) / self.count

    @property
    def lowest(self) -> float:
        """The smallest ratio."""
        return _exp(self.low)

    @property
    def highest(self) -> float:
        """The largest ratio."""
        return _exp(self.high)

    @property
    def ess(self) -> float:
        """Kish's effective sample size over the count: (Σr)² / (n Σr²), from 1/n to 1."""
        return _exp(2 * self.log_sum - self.log_squares) / self.count

    @property
    def k3(self) -> float:
        """Mean of r − 1 − log r: Schulman's estimate of KL(denominator ‖ numerator), in nats."""
        return max(0.0, self.mean - 1 - self.total / self.count)


@dataclass(frozen=True, kw_only=True, slots=True)
class PolicySums:
    """What the trainer's log-probabilities of a step's completions tell; a sum of none by default.

    A token for which one side has no number counts nowhere; neither do completions that the loss
    masks, which the trainer does not score.
    """

    tokens: int = 0
    logprob: float = 0.0  # sum under the policy that learns
    sampling: RatioSums = RatioSums()  # the weights that sampled: trainer / engine, of tokens
    sequences: RatioSums = RatioSums()  # the same of completions: the product over their tokens
    update: RatioSums = RatioSums()  # trainer: learning / sampled, of tokens
    learning: RatioSums = RatioSums()  # learning in the trainer / sampled in the engine, of tokens

    @classmethod
    def of(
        cls,
        learning_BT: Floats,
        sampled_BT: Floats | None,
        engine_BT: Floats | None,
        mask_BT: npt.NDArray[np.bool_],
    ) -> "PolicySums":
        """From the log-probabilities of the sampled tokens, of which those in the mask count.

        `learning` and `sampled` are the trainer's, now and with the weights that sampled: None
        where these are still the same. `engine`'s are those of the distribution that was drawn
        from: None where it was not recorded.
        """
        of_mask = learning_BT[mask_BT]
        known = of_mask[np.isfinite(of_mask)]
        sums = cls(tokens=len(known), logprob=float(known.sum(dtype=np.float64)))
        update = RatioSums() if sampled_BT is None else _of(learning_BT, sampled_BT, mask_BT)
        sampling = sequences = learning = RatioSums()
        if engine_BT is not None:
            trainer_BT = learning_BT if sampled_BT is None else sampled_BT
            sampling = _of(trainer_BT, engine_BT, mask_BT)
            learning = _of(learning_BT, engine_BT, mask_BT)
            sequences = _of_sequences(trainer_BT, engine_BT, mask_BT)
        return cls(
            tokens=sums.tokens,
            logprob=sums.logprob,
            sampling=sampling,
            sequences=sequences,
            update=update,
            learning=learning,
        )

    def __add__(self, other: "PolicySums") -> "PolicySums":
        """Those of both together."""
        return PolicySums(
            tokens=self.tokens + other.tokens,
            logprob=self.logprob + other.logprob,
            sampling=self.sampling + other.sampling,
            sequences=self.sequences + other.sequences,
            update=self.update + other.update,
            learning=self.learning + other.learning,
        )


def together(parts: Iterable[PolicySums]) -> PolicySums:
    """The sums of all parts."""
    return sum(parts, start=PolicySums())


def _of(upper_BT: Floats, lower_BT: Floats, mask_BT: npt.NDArray[np.bool_]) -> RatioSums:
    return RatioSums.of(_difference(upper_BT, lower_BT)[mask_BT])


def _of_sequences(upper_BT: Floats, lower_BT: Floats, mask_BT: npt.NDArray[np.bool_]) -> RatioSums:
    log_ratios_BT = _difference(upper_BT, lower_BT)
    known_BT = mask_BT & np.isfinite(log_ratios_BT)
    sums_B = np.where(known_BT, log_ratios_BT, 0.0).sum(axis=1)
    return RatioSums.of(sums_B[known_BT.any(axis=1)])


def _difference(upper_BT: Floats, lower_BT: Floats) -> Floats:
    with np.errstate(invalid="ignore"):  # −∞ of both sides is no number, and counts nowhere
        return upper_BT.astype(np.float64) - lower_BT.astype(np.float64)


def _log_sum_exp(values: Floats) -> float:
    largest = values.max()
    return float(largest + np.log(np.exp(values - largest).sum()))


def _exp(value: float) -> float:
    return exp(min(value, _LARGEST))
