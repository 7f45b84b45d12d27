"""`python -m arcbench.diagnostics.bench`: the diagnosis on recorded runs, beside fixed thresholds.

For each run of a zoo: what was done to it, what was found and when, how much of the reward was lost
by then, and what alarms with published thresholds make of the same figures. Then the confusion
table, and for each way how many broken runs were caught in time and how many healthy ones were
accused.
"""

import argparse
from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass
from itertools import pairwise
from math import pi, sqrt
from pathlib import Path
from statistics import fmean

from rich.box import SIMPLE_HEAD
from rich.console import Console
from rich.table import Table

from arcbench import series
from arcbench.diagnostics.diagnoser import Diagnoser
from arcbench.diagnostics.finding import Finding, Kind, Severity
from arcbench.diagnostics.published import PUBLISHED, first_alarm
from arcbench.diagnostics.recording import Recording, load_zoo
from arcbench.diagnostics.signals import Settings
from arcbench.runs import Metrics

ZOO = Path(__file__).parents[2] / "tests" / "zoo"
SMOOTH = 10  # steps of a smoothed reward
WIDE = 240  # columns of text
LOST = 0.25  # share of the reward that may be lost before a finding
SURE = 4.0  # standard errors; the best of many windows is partly luck
LEAST_GAIN = (
    0.1  # of the scheme's range; a smaller gain is noise, and the height is that to the floor
)


@dataclass(frozen=True, kw_only=True, slots=True)
class Judged:
    """The diagnosis of one recorded run."""

    recording: Recording
    alarms: tuple[Finding, ...]  # as they were first raised, of severity warning or more
    lost_step: int | None  # from here on a quarter of the reward is gone for good; None: it is not

    @property
    def right(self) -> Finding | None:
        """The first alarm of a kind that was to be found."""
        return next((f for f in self.alarms if f.kind in self.recording.expected), None)

    @property
    def in_time(self) -> bool:
        """Whether the right kind was found before a quarter of the reward was lost."""
        return self.right is not None and self.before(self.right.found_step)

    def before(self, step: int) -> bool:
        """Whether a step is one before that loss."""
        return self.lost_step is None or step <= self.lost_step


def judge(recording: Recording) -> Judged:
    """Diagnose a recorded run as if it were running."""
    diagnoser = Diagnoser(recording.config)
    alarms = [
        f
        for line in recording.lines
        for f in diagnoser.update(line)
        if f.severity >= Severity.WARNING
    ]
    return Judged(
        recording=recording,
        alarms=tuple(alarms),
        lost_step=lost_for_good(recording.lines, Settings(recording.config)),
    )


def lost_for_good(lines: Sequence[Metrics], settings: Settings) -> int | None:
    """The first step from which the smoothed reward never comes back within a quarter of its best.

    The rewards are those of `_rewards`. The quarter is one of the height from the beginning to the
    best; where hardly anything was gained, of that from the least reward there is to the best.
    Tasks differ: what a run ends with has to lie below its best by more than the luck of the draw.
    """
    rewards = _rewards(lines)
    if len(rewards) < SMOOTH:
        return None
    values = [v for _, v in rewards]
    # The first step is the policy before any update; then as many as there are.
    smooth = [fmean(values[max(0, i - SMOOTH + 1) : i + 1]) for i in range(len(values))]
    start, best = fmean(values[:3]), max(smooth[2:])
    height = best - start
    if height < LEAST_GAIN * (settings.top - settings.floor):
        height = best - settings.floor
    limit = best - LOST * height
    # Only what comes after the best can be lost.
    peak = smooth.index(best)
    last = max(i for i in range(peak, len(smooth)) if smooth[i] >= limit)
    rest = values[last + 1 :]
    if not rest:
        return None
    jitter = fmean(abs(b - a) for a, b in pairwise(values)) * sqrt(pi) / 2  # of a normal deviate
    luck = SURE * jitter * sqrt(1 / SMOOTH + 1 / len(rest))
    return rewards[last + 1][0] if best - fmean(rest) > luck else None


def _rewards(lines: Sequence[Metrics]) -> list[tuple[int, float]]:
    """Step and reward; where the gain on the same tasks is known it is that, at the same height."""
    rewards, gains = (
        {int(x["step"] or 0): v for x in lines if (v := x.get(name)) is not None}
        for name in (series.REWARD_MEAN, series.REWARD_GAIN)
    )
    if len(gains) < len(rewards):
        return list(rewards.items())
    height = fmean(rewards.values()) - fmean(gains.values())
    return [(step, gain + height) for step, gain in gains.items()]


def confusion(judged: Sequence[Judged]) -> dict[str, Counter[str]]:
    """For what was done to runs: how many, and how many of them each kind was found in."""
    table: dict[str, Counter[str]] = {}
    for j in judged:
        row = table.setdefault(j.recording.name.rpartition("-")[0], Counter())
        row["runs"] += 1
        row.update({f.kind.value for f in j.alarms})
        row["in time"] += j.in_time if not j.recording.healthy else not j.alarms
    return table


@dataclass(frozen=True, kw_only=True, slots=True)
class Tally:
    """How a way of watching did on a zoo."""

    name: str
    found: int  # broken runs with any alarm
    in_time: int  # with one before a quarter of the reward was lost
    broken: int
    accused: int  # healthy runs with an alarm
    healthy: int


def tallies(judged: Sequence[Judged]) -> list[Tally]:
    """The diagnosis, and the alarms with published thresholds, on the same runs."""
    ways: dict[str, list[int | None]] = {
        "arcbench": [j.alarms[0].found_step if j.alarms else None for j in judged]
    }
    for name, alarms in PUBLISHED.items():
        found = [first_alarm(alarms, j.recording.lines) for j in judged]
        ways[name] = [None if f is None else f[0] for f in found]
    out = []
    for name, steps in ways.items():
        both = list(zip(judged, steps, strict=True))
        broken = [(j, s) for j, s in both if not j.recording.healthy]
        out.append(
            Tally(
                name=name,
                found=sum(s is not None for _, s in broken),
                in_time=sum(s is not None and j.before(s) for j, s in broken),
                broken=len(broken),
                accused=sum(s is not None for j, s in both if j.recording.healthy),
                healthy=len(both) - len(broken),
            )
        )
    return out


def _ways(title: str, counted: Sequence[Tally]) -> Table:
    table = Table(box=SIMPLE_HEAD, title=f"ways of watching: {title}")
    for column in ("way", "broken runs found", "before a quarter is lost", "healthy runs accused"):
        table.add_column(column, justify="left" if column == "way" else "right")
    for t in counted:
        table.add_row(
            t.name, f"{t.found}/{t.broken}", f"{t.in_time}/{t.broken}", f"{t.accused}/{t.healthy}"
        )
    return table


def main() -> None:
    """Print the tables."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--zoo", type=Path, default=ZOO)
    judged = [judge(recording) for recording in load_zoo(parser.parse_args().zoo)]
    out = Console(highlight=False)
    if not out.is_terminal:
        out.width = WIDE  # or a file would have columns of a letter
    runs = Table(box=SIMPLE_HEAD, title="runs: what was found, and when")
    for column in ("run", "steps", "lost at", "alarms (step)", "in time", "published (step)"):
        runs.add_column(column, no_wrap=column == "run")
    for j in judged:
        others = [
            f"{name}: {found[1]} ({found[0]})"
            for name, alarms in PUBLISHED.items()
            if (found := first_alarm(alarms, j.recording.lines))
        ]
        good = not j.alarms if j.recording.healthy else j.in_time
        runs.add_row(
            j.recording.name,
            str(len(j.recording.lines)),
            "" if j.lost_step is None else str(j.lost_step),
            ", ".join(f"{f.kind.value} {f.severity.word[0]} ({f.found_step})" for f in j.alarms),
            "yes" if good else "NO",
            "; ".join(others),
        )
    out.print(runs)
    kinds = [k.value for k in Kind if any(f.kind is k for j in judged for f in j.alarms)]
    table = Table(box=SIMPLE_HEAD, title="runs of each sort with an alarm of each kind")
    for column in ("done to them", "runs", "right", *kinds):
        table.add_column(column, justify="left" if column == "done to them" else "right")
    for name, row in confusion(judged).items():
        counts = [str(row[k]) if row[k] else "" for k in kinds]
        table.add_row(name, str(row["runs"]), str(row["in time"]), *counts)
    out.print(table)
    for title, back in (("runs that thresholds were chosen on", False), ("runs held back", True)):
        if part := [j for j in judged if j.recording.held_back is back]:
            out.print(_ways(title, tallies(part)))


if __name__ == "__main__":
    main()
