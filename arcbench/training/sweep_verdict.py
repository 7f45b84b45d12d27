"""What a run's reward did, in one word: flat, learning, unstable or destroyed.

Pure functions on the lines of metrics.jsonl. Every threshold is relative to the run's own beginning
and to its own noise, so that no scale of rewards and no task needs another one. The noise of a step
is the larger of what neighbouring steps differ by and what its own spread tells (`sweep_course`);
shifts are tested like Student's t. In simulations of pure noise with 8 to 300 steps at most two
verdicts in a hundred were not "flat".
"""

from collections.abc import Sequence
from dataclasses import dataclass
from enum import StrEnum
from math import isfinite
from typing import Any

import numpy as np

from arcbench import series
from arcbench.runs import Metrics
from arcbench.sandbox.types import Outcome
from arcbench.training.sweep_course import Course, Series, Shift, course, critical

MIN_STEPS = 8  # fewer tell nothing
CHANCE = 0.001  # of one shift to be taken for real by mistake
LOST = 0.5  # share of the reward's height whose loss is a ruin, or an instability
FEW, NEARLY_ALL = 0.5, 0.9  # completions cut or without a program: at the beginning, at the end
ENTROPY_GONE, ENTROPY_BLOWN_UP = 0.02, 4.0  # times the entropy of the beginning

LOSS, ENTROPY = series.FROM_TRAINER["loss"], series.FROM_TRAINER["entropy"]
_NO_PROGRAM = (Outcome.NO_CODE, Outcome.SYNTAX_ERROR, Outcome.NO_TRANSFORM)


class Verdict(StrEnum):
    """What came of a value."""

    FLAT = "flat"  # no change that noise does not make
    LEARNING = "learning"
    UNSTABLE = "unstable"  # falls, loses what it had gained, or seeds end differently
    DESTROYED = "destroyed"  # far under its beginning, or no longer a policy
    UNDECIDED = "undecided"  # too few steps


@dataclass(frozen=True, kw_only=True, slots=True)
class Judged:
    """A verdict, why, and the rewards that it compares."""

    verdict: Verdict
    evidence: str
    first: float | None = None  # mean reward of the first `begin` steps
    last: float | None = None  # of the last `end` steps
    begin: int = 0
    end: int = 0


def judge_run(metrics: Sequence[Metrics], *, floor: float, completions: int) -> Judged:
    """The verdict on one run of so many completions a step.

    `floor` is the lowest reward that its scheme can give.
    """
    found = run_course([metrics], completions)
    numbers = _numbers(found)
    if metrics and LOSS in (end := metrics[-1]) and end[LOSS] is None:
        why = f"the loss of step {end['step']:.0f} is no number"
        return Judged(verdict=Verdict.DESTROYED, evidence=why, **numbers)
    if len(found.rewards_T) < MIN_STEPS:
        why = f"{len(found.rewards_T)} steps, and {MIN_STEPS} are needed"
        return Judged(verdict=Verdict.UNDECIDED, evidence=why, **numbers)
    if why := _no_longer_a_policy(metrics, found):
        return _judged(Verdict.DESTROYED, found.shift(1, found.tail), why)
    return judge_course(found, floor=floor)


def judge_course(found: Course, *, floor: float) -> Judged:
    """The verdict on at least MIN_STEPS rewards alone."""
    sure = critical(len(found.rewards_T), CHANCE)
    for s in found.shifts(found.tail):
        if -s.score > sure and s.last <= s.first - LOST * (s.first - floor):
            return _judged(Verdict.DESTROYED, s, f"reward fell from {s.first:.2f} to {s.last:.2f}")
    s = found.strongest()
    if why := _drawdown(found, floor):
        return _judged(Verdict.UNSTABLE, s, why)
    said = f"moved {s.score:+.1f} standard errors; noise reaches {sure:.1f}"
    if s.score < -sure:
        return _judged(Verdict.UNSTABLE, s, said)
    if s.score > sure:
        return _judged(Verdict.LEARNING, s, said)
    return _judged(Verdict.FLAT, found.shift(found.third, found.third), said)


def judge_seeds(runs: Sequence[Sequence[Metrics]], *, floor: float, completions: int) -> Judged:
    """The verdict on a value that several seeds were run with.

    If some fell and some did not it is unstable. Flat and learning ones are judged by the series of
    their means. Runs that are too short do not count.
    """
    all_judged = [(r, judge_run(r, floor=floor, completions=completions)) for r in runs]
    known = [(r, j) for r, j in all_judged if j.verdict is not Verdict.UNDECIDED]
    if not known:
        return judge_run(max(runs, key=len, default=[]), floor=floor, completions=completions)
    if len(known) == 1:
        return known[0][1]
    judged = [j for _, j in known]
    pooled = run_course([r for r, _ in known], completions)
    numbers = _numbers(pooled)
    for verdict in (Verdict.DESTROYED, Verdict.UNSTABLE):
        same = [j for j in judged if j.verdict is verdict]
        if same:
            why = f"{len(same)} of {len(judged)} seeds {verdict.value}: {same[0].evidence}"
            if len(same) < len(judged):
                verdict = Verdict.UNSTABLE
            # The first step is of the policy before any update.
            return _judged(verdict, pooled.shift(1, pooled.tail), why)
    learn = sum(j.verdict is Verdict.LEARNING for j in judged)
    all_learn = learn == len(judged)
    verdict = Verdict.LEARNING if all_learn else judge_course(pooled, floor=floor).verdict
    return Judged(
        verdict=verdict, evidence=f"{learn} of {len(judged)} seeds learn alone", **numbers
    )


def run_course(runs: Sequence[Sequence[Metrics]], completions: int) -> Course:
    """The rewards of one run, or the mean of several for the steps that all of them have."""
    spread = mean_series(runs, series.REWARD_STD, squared=True)
    rewards = mean_series(runs, series.REWARD_MEAN)
    if len(spread) != len(rewards):
        return course(rewards)
    return course(rewards, np.sqrt(spread / (completions * len(runs))))


def mean_series(runs: Sequence[Sequence[Metrics]], name: str, *, squared: bool = False) -> Series:
    """The mean of a metric (or of its square) over several runs, for the steps that all have."""
    by_step = [{int(m["step"] or 0): v for m in r if (v := m.get(name)) is not None} for r in runs]
    common = sorted(set.intersection(*map(set, by_step))) if by_step else []
    power = 2 if squared else 1
    found = [np.mean([s[step] ** power for s in by_step]) for step in common]
    return np.asarray(found, dtype=np.float64)


def _drawdown(found: Course, floor: float) -> str:
    """Says how the reward lost much of what it had gained (or had, if it gained nothing), or ""."""
    steps, window = len(found.rewards_T), found.tail
    peak, trough, at, score = found.drawdown()
    # The worst of so many pairs is looked at.
    if score <= critical(steps, CHANCE * (window / steps) ** 2):
        return ""
    first = float(found.rewards_T[:window].mean())
    gained = found.noise * critical(steps, CHANCE)
    base = first if peak - first > gained else floor
    if peak - trough < LOST * (peak - base):
        return ""
    return f"reward fell from {peak:.2f} to {trough:.2f} by step {at}"


def _no_longer_a_policy(metrics: Sequence[Metrics], found: Course) -> str:
    """Says what a policy writes that is none any more, or ""."""
    lines = [m for m in metrics if m.get(series.REWARD_MEAN) is not None]
    if found.strongest().score > critical(len(lines), CHANCE):
        return ""  # whatever it writes, it earns more than it did
    no_program = [
        sum(m.get(series.OUTCOME.format(o.value)) or 0.0 for o in _NO_PROGRAM) for m in lines
    ]
    cut = [m.get(series.LENGTH_TRUNCATED) or 0.0 for m in lines]
    for shares, what in ((cut, "are cut"), (no_program, "hold no program")):
        end = float(np.mean(shares[-found.tail :]))
        if shares[0] < FEW and end >= NEARLY_ALL:
            return f"{end:.0%} of the last completions {what}"
    entropy = [v for m in lines if (v := m.get(ENTROPY)) is not None and isfinite(v)]
    x_T = found.rewards_T
    if len(entropy) < MIN_STEPS or x_T[-found.tail :].mean() >= x_T[0] or not entropy[0] > 0:
        return ""
    end = float(np.mean(entropy[-found.tail :]))
    if not ENTROPY_GONE <= end / entropy[0] <= ENTROPY_BLOWN_UP:
        return f"the entropy went from {entropy[0]:.3g} to {end:.3g}"
    return ""


def _numbers(found: Course) -> dict[str, Any]:
    """The rewards that a verdict is told with, where it does not follow from them."""
    if not len(found.rewards_T):
        return {}
    s = found.strongest()
    return {"first": s.first, "last": s.last, "begin": s.begin, "end": s.end}


def _judged(verdict: Verdict, s: Shift, evidence: str) -> Judged:
    return Judged(
        verdict=verdict, evidence=evidence, first=s.first, last=s.last, begin=s.begin, end=s.end
    )
