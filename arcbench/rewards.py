"""Reward schemes: a score becomes a number, and every part of it is kept.

A scheme is data: what each stage is worth. `staged` and `arc25-*` are the ones of the arc25
diary; any weights of your own make another.
"""

from dataclasses import asdict, dataclass, fields
from typing import Any, Literal

from arcbench.errors import UserError, unknown
from arcbench.scoring import Score, Split

Pairs = Literal["all", "train"]


@dataclass(frozen=True, kw_only=True, slots=True)
class RewardBreakdown:
    """The parts of a reward; `total` is their sum."""

    code: float = 0.0  # a program that Python can parse, or the penalty for none
    ran: float = 0.0  # at least one valid output grid
    exact: float = 0.0  # share of exact grids
    pixel: float = 0.0  # mean pixel score
    length: float = 0.0  # <= 0, longer programs lose more

    @property
    def parts(self) -> dict[str, float]:
        """The parts by name, in the order in which they are earned."""
        return {name: getattr(self, name) for name in _PARTS}

    @property
    def total(self) -> float:
        """Sum of the parts."""
        return sum(self.parts.values())


_PARTS = tuple(f.name for f in fields(RewardBreakdown))


@dataclass(frozen=True, kw_only=True, slots=True)
class RewardScheme:
    """What each stage of a completion is worth.

    A completion without a parsable program gets `no_code` and nothing else. Otherwise it gets
    `code`, plus `ran` if at least one pair gave a valid grid, plus `exact` × share of exact
    grids, plus `pixel` × mean pixel score, minus `length` × min(1, characters / 4000).
    """

    name: str = "custom"
    no_code: float = 0.0
    code: float = 0.0
    ran: float = 0.0
    exact: float = 1.0
    pixel: float = 0.0
    length: float = 0.0  # a tie-breaker: keep it below the worth of one pair
    pairs: Pairs = "all"  # which pairs count: train and test together, or train only

    def __post_init__(self) -> None:
        if self.pairs not in ("all", "train"):
            raise unknown("RewardScheme.pairs", self.pairs, ["all", "train"])
        if self.length < 0:
            raise UserError(f"RewardScheme.length is a penalty and >= 0, not {self.length}")

    @property
    def range(self) -> tuple[float, float]:
        """Lowest and highest total that the scheme can give."""
        worst = min(self.no_code, self.code + min(self.ran, 0.0) - self.length)
        return worst, max(self.no_code, self.code + self.ran + self.exact + self.pixel)

    def reward(self, *, has_code: bool, score: Score, code_chars: int = 0) -> RewardBreakdown:
        """The reward of one completion with its parts."""
        if not has_code:
            return RewardBreakdown(code=self.no_code)
        splits: tuple[Split, ...] = ("train",) if self.pairs == "train" else ("train", "test")
        counted = score.of(splits)
        return RewardBreakdown(
            code=self.code,
            ran=self.ran if counted.valid_rate > 0 else 0.0,
            exact=self.exact * counted.exact_rate,
            pixel=self.pixel * counted.pixel_rate,
            length=-self.length * min(1.0, code_chars / LENGTH_SCALE_CHARS) if self.length else 0.0,
        )


LENGTH_SCALE_CHARS = 4000  # a program this long pays the whole length penalty

SCHEMES: dict[str, RewardScheme] = {
    s.name: s
    for s in (
        RewardScheme(name="staged", code=1.0, ran=1.0, exact=1.0),
        RewardScheme(name="arc25-v1", no_code=-1.0, ran=1.0, exact=8.0, pixel=1.0),
        RewardScheme(name="arc25-v2", no_code=-1.0, ran=1.0, exact=8.0),
    )
}


def scheme(name: str, **changes: Any) -> RewardScheme:
    """A named scheme, with single weights changed: `scheme("staged", pairs="train")`."""
    if name == "custom":
        base = RewardScheme()
    elif name in SCHEMES:
        base = SCHEMES[name]
    else:
        raise unknown("reward scheme", name, [*SCHEMES, "custom"])
    allowed = [f.name for f in fields(RewardScheme) if f.name != "name"]
    for key in changes:
        if key not in allowed:
            raise unknown("weight of a reward scheme", key, allowed)
    return RewardScheme(**{**asdict(base), **changes})
