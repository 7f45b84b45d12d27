"""What a rule sees at a step, and how sure it has to be."""

from collections.abc import Callable
from dataclasses import dataclass

from arcbench.diagnostics.finding import Kind, Severity
from arcbench.diagnostics.signals import RECENT, Signals, Track

# Standard errors: of a change that is large too; of one that is not so large
CLEAR, SURE = 4.0, 6.0
FAST = 3  # steps in a row in which nearly all completions are bad, which was never so before
NEARLY_ALL = 0.9  # share of completions


@dataclass(frozen=True, kw_only=True, slots=True)
class Sign:
    """What a rule sees at a step."""

    kind: Kind
    signal: str
    severity: Severity
    evidence: str
    first_step: int
    sure: bool = False  # it need not stand for longer


Rule = Callable[[Signals], Sign | None]


def sign(
    kind: Kind, signal: str, track: Track, evidence: str, *, critical: bool, window: int = RECENT
) -> Sign:
    """A warning, or worse where `critical`, from the latest `window` values of a track."""
    return Sign(
        kind=kind,
        signal=signal,
        severity=Severity.CRITICAL if critical else Severity.WARNING,
        evidence=evidence,
        first_step=track.since(window),
    )
