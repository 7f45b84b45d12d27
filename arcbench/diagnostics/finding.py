"""What is found in the course of a run: one value with its evidence, its causes and what helps."""

from collections.abc import Iterable, Mapping
from dataclasses import asdict, dataclass
from enum import IntEnum, StrEnum
from typing import Any


class Severity(IntEnum):
    """How much it matters; the order is that of the numbers."""

    INFO = 0  # worth knowing, nothing is lost
    WARNING = 1  # steps are wasted, or a collapse begins
    CRITICAL = 2  # the policy is being ruined, or cannot learn at all

    @property
    def word(self) -> str:
        """For people and files: "info", "warning", "critical"."""
        return self.name.lower()


class Kind(StrEnum):
    """What is wrong, or (saturated) at an end."""

    FLAT = "flat"  # the reward does not move
    NO_SIGNAL = "no-signal"  # nearly all groups have equal rewards
    TRUNCATED = "truncated"  # most completions are cut, from the start
    SATURATED = "saturated"  # everything is solved: nothing left to learn
    FALLING = "falling"  # the reward is far below what it was
    LENGTH = "length"  # collapse: completions grow until they are cut
    GIBBERISH = "gibberish"  # collapse: fewer and fewer completions hold a program
    REPETITION = "repetition"  # collapse: completions repeat themselves
    ENTROPY = "entropy"  # collapse: one answer to everything, or noise
    HACKED = "hacked"  # the reward rises, and solves do not
    UNSTABLE = "unstable"  # gradients or rewards swing far beyond their beginning
    OUT_OF_SYNC = "out-of-sync"  # the engine samples from other weights than those that learn
    OFF_POLICY = "off-policy"  # importance weights are far from 1, or few samples carry them all
    FAILING = "failing"  # more and more programs fail in the sandbox
    MEMORY = "memory"  # a process takes more and more memory

    @property
    def collapse(self) -> bool:
        """Whether the policy itself is being lost."""
        return self in _COLLAPSES


_COLLAPSES = frozenset(
    (Kind.FALLING, Kind.LENGTH, Kind.GIBBERISH, Kind.REPETITION, Kind.ENTROPY, Kind.FAILING)
)


@dataclass(frozen=True, kw_only=True, slots=True)
class Finding:
    """One thing that was found in a run's metrics."""

    kind: Kind
    signal: str  # the metric that shows it most, a name of arcbench.series
    severity: Severity
    first_step: int  # where its evidence begins
    found_step: int  # where there was enough of it
    evidence: str  # figures, in a sentence
    causes: tuple[str, ...]  # what may be behind it, the likeliest first
    advice: tuple[str, ...]  # what to try, the most promising first
    source: str  # where the rule comes from
    over_step: int | None = None  # from here on it no longer holds; None: it does

    @property
    def holds(self) -> bool:
        """Whether it still is so at the end of what was read."""
        return self.over_step is None

    @property
    def sentence(self) -> str:
        """Kind, step and evidence, for a log."""
        return f"{self.severity.word} at step {self.found_step}: {self.kind.value}: {self.evidence}"

    def to_dict(self) -> dict[str, Any]:
        """Plain JSON-able values."""
        plain = asdict(self)
        plain |= {"kind": self.kind.value, "severity": self.severity.word}
        return plain | {"causes": list(self.causes), "advice": list(self.advice)}

    @classmethod
    def from_dict(cls, data: Mapping[str, Any]) -> "Finding":
        """The inverse of `to_dict`."""
        return cls(
            **{
                **data,
                "kind": Kind(data["kind"]),
                "severity": Severity[data["severity"].upper()],
                "causes": tuple(data["causes"]),
                "advice": tuple(data["advice"]),
            }
        )


def worst(findings: Iterable[Finding]) -> Severity:
    """The highest severity of those that hold; INFO where there is none."""
    return max((f.severity for f in findings if f.holds), default=Severity.INFO)
