"""From a run's lines, one by one, to findings: each once, worse if it gets worse, over if it is."""

from collections.abc import Iterable, Mapping
from dataclasses import replace
from typing import Any

from arcbench.diagnostics.advice import advise
from arcbench.diagnostics.finding import Finding, Kind
from arcbench.diagnostics.rules import BAD_SHARES, COLLAPSES, OTHERS, doubtful, seen
from arcbench.diagnostics.rules_machine import MACHINE
from arcbench.diagnostics.rules_reward import falls
from arcbench.diagnostics.sign import Sign
from arcbench.diagnostics.signals import Signals
from arcbench.runs import Metrics, RunStore

PATIENCE = 2  # steps in a row that a sign must be there; one alone is chance
OVER = 20  # steps in a row without it after which a finding is over

HARMFUL = frozenset(kind for kind in Kind if kind.collapse) | {
    Kind.HACKED, Kind.UNSTABLE, Kind.OUT_OF_SYNC, Kind.OFF_POLICY,
}  # fmt: skip


class Diagnoser:
    """Reads a run's metrics as they are written.

    Its state depends on the lines only, not on how they were handed over, and does not grow with
    them.
    """

    def __init__(self, config: Mapping[str, Any] | None = None) -> None:
        self.signals = Signals(config)
        self.findings: list[Finding] = []  # in the order in which they were found
        self._standing: dict[Kind, int] = {}  # steps in a row with the sign, negative without
        self._holding: dict[Kind, int] = {}  # place in `findings`

    def update(self, line: Metrics) -> list[Finding]:
        """Read the line of a step; returns what is new: found, or worse than before."""
        self.signals.add(line)
        signs = {s.kind: s for s in seen((*COLLAPSES, *OTHERS, *MACHINE), self.signals)}
        if any(kind.collapse for kind in self._holding):
            signs.pop(Kind.FLAT, None)  # where it has collapsed to, it stands still
        new = []
        for kind in Kind:
            sign = signs.get(kind)
            standing = self._standing.get(kind, 0)
            self._standing[kind] = (
                max(0, standing) + 1 if sign is not None else min(0, standing) - 1
            )
            if sign is not None and (sign.sure or self._standing[kind] >= PATIENCE):
                new += self._found(sign)
            elif kind in self._holding and self._standing[kind] <= -OVER:
                place = self._holding.pop(kind)
                self.findings[place] = replace(self.findings[place], over_step=self.signals.step)
        # What a collapse is measured against must not become the collapse.
        if any(kind.collapse for kind in self._holding):
            self.signals.freeze()
        else:
            self.signals.thaw()
        return new

    @property
    def holding(self) -> list[Finding]:
        """What still is so."""
        return [f for f in self.findings if f.holds]

    def healthy(self, also: Iterable[Kind] = ()) -> bool:
        """Whether nothing harms the policy, nor one of `also` is found, not even in a first sign.

        That is also an early figure left behind: a bad share above it, or the reward below.
        """
        kinds = HARMFUL.union(also)
        if any(self._standing.get(kind, 0) > 0 for kind in kinds):
            return False
        if any(f.kind in kinds for f in self.holding):
            return False
        return not any(doubtful(self.signals, name) for name in BAD_SHARES) and not falls(
            self.signals
        )

    def _found(self, sign: Sign) -> list[Finding]:
        """The finding of a sign, if it is new or worse."""
        place = self._holding.get(sign.kind)
        if place is not None and sign.severity <= self.findings[place].severity:
            return []
        advice = advise(sign.kind, self.signals)
        first = sign.first_step if place is None else self.findings[place].first_step
        finding = Finding(
            kind=sign.kind,
            signal=sign.signal,
            severity=sign.severity,
            first_step=first,
            found_step=self.signals.step,
            evidence=sign.evidence,
            causes=advice.causes,
            advice=advice.remedies,
            source=advice.source,
        )
        if place is None:
            self._holding[sign.kind] = len(self.findings)
            self.findings.append(finding)
        else:
            self.findings[place] = finding
        return [finding]


def diagnose(lines: Iterable[Metrics], config: Mapping[str, Any] | None = None) -> list[Finding]:
    """What is found in all lines of a run's metrics; `config` is the content of its config.json."""
    diagnoser = Diagnoser(config)
    for line in lines:
        diagnoser.update(line)
    return diagnoser.findings


def diagnose_run(store: RunStore) -> list[Finding]:
    """What is found in a run folder, of any age, also while the run goes on; worst first."""
    found = diagnose(store.metrics(), store.config())
    return sorted(found, key=lambda f: (not f.holds, -f.severity, f.first_step))
