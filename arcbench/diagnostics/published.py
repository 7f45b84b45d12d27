"""Alarms with the thresholds that others publish, to compare with: first step of each, if any.

- fixed: limits on single figures as they are quoted for any run: entropy below 0.1 nats, KL to the
  start above 10, more than 90 % of completions cut, a gradient's norm above 10, for 3 steps in a
  row; a loss that is no number. Half of the completions cut is the limit of one checklist
  (t2ance/training-monitor, grpo-monitor).
- rlwatch: the defaults of that package's documentation (varun1724.github.io/rlwatch, read
  2026-12-01): entropy below 1.0 for 50 steps after 20; KL above 3 deviations over the mean of the
  last 100; reward variance above 3 times the first 100 steps'; gradient's norm above 3 deviations
  over the mean of the first 100 steps after 20; the reward's mean moving one way for 50 steps by
  more than 0.1, after 50; a loss that is no number.
"""

from collections.abc import Callable, Sequence
from math import isfinite
from statistics import fmean, pstdev

from arcbench import series
from arcbench.runs import Metrics

Alarm = Callable[[Sequence[Metrics]], int | None]  # the first step, or None


def _values(lines: Sequence[Metrics], name: str) -> list[tuple[int, float]]:
    return [
        (int(line["step"] or 0), value)
        for line in lines
        if (value := line.get(name)) is not None and isfinite(value)
    ]


def _in_a_row(
    lines: Sequence[Metrics], name: str, bad: Callable[[float], bool], steps: int, after: int = 0
) -> int | None:
    row = 0
    for step, value in _values(lines, name)[after:]:
        row = row + 1 if bad(value) else 0
        if row >= steps:
            return step
    return None


def _no_number(lines: Sequence[Metrics]) -> int | None:
    bad = (line for line in lines if series.LOSS in line and line[series.LOSS] is None)
    return next((int(line["step"] or 0) for line in bad), None)


def _above_first(
    lines: Sequence[Metrics], name: str, sigmas: float, window: int, after: int
) -> int | None:
    """A value above so many deviations over the mean of the first `window` values after `after`."""
    values = _values(lines, name)[after:]
    first = [v for _, v in values[:window]]
    if len(values) <= window:
        return None
    limit = fmean(first) + sigmas * pstdev(first)
    return next((step for step, v in values[window:] if v > limit), None)


def _above_rolling(
    lines: Sequence[Metrics], name: str, sigmas: float, window: int, after: int
) -> int | None:
    values = _values(lines, name)
    for i in range(max(2, after), len(values)):
        before = [v for _, v in values[max(0, i - window) : i]]
        if values[i][1] > fmean(before) + sigmas * pstdev(before):
            return values[i][0]
    return None


def _variance(lines: Sequence[Metrics]) -> int | None:
    values = [(step, v * v) for step, v in _values(lines, series.REWARD_STD)]
    first = [v for _, v in values[50:150]]
    if not first or len(values) <= 150:
        return None
    limit = 3 * fmean(first)
    return next((step for step, v in values[150:] if v > limit), None)


def _drift(lines: Sequence[Metrics]) -> int | None:
    values = _values(lines, series.REWARD_MEAN)[50:]
    start, way = 0, 0
    for i in range(1, len(values)):
        now = (values[i][1] > values[i - 1][1]) - (values[i][1] < values[i - 1][1])
        if now != way:
            start, way = i - 1, now
        if way and i - start >= 50 and abs(values[i][1] - values[start][1]) > 0.1:
            return values[i][0]
    return None


FIXED: dict[str, Alarm] = {
    "entropy < 0.1": lambda x: _in_a_row(x, series.ENTROPY, lambda v: v < 0.1, 3),
    "KL > 10": lambda x: _in_a_row(x, series.KL, lambda v: v > 10, 3),
    "cut > 90 %": lambda x: _in_a_row(x, series.LENGTH_TRUNCATED, lambda v: v > 0.9, 3),
    "gradient > 10": lambda x: _in_a_row(x, series.GRAD_NORM, lambda v: v > 10, 3),
    "loss is no number": _no_number,
}
CHECKLIST: dict[str, Alarm] = {
    "cut > 50 %": lambda x: _in_a_row(x, series.LENGTH_TRUNCATED, lambda v: v > 0.5, 3),
}
RLWATCH: dict[str, Alarm] = {
    "entropy < 1.0 for 50": lambda x: _in_a_row(x, series.ENTROPY, lambda v: v < 1.0, 50, 20),
    "KL > 3 σ": lambda x: _above_rolling(x, series.KL, 3.0, 100, 20),
    "reward variance × 3": _variance,
    "gradient > 3 σ": lambda x: _above_first(x, series.GRAD_NORM, 3.0, 100, 20),
    "reward drifts": _drift,
    "loss is no number": _no_number,
}
PUBLISHED: dict[str, dict[str, Alarm]] = {
    "fixed": FIXED, "cut > 50 %": CHECKLIST, "rlwatch": RLWATCH,
}  # fmt: skip


def first_alarm(alarms: dict[str, Alarm], lines: Sequence[Metrics]) -> tuple[int, str] | None:
    """Step and name of the earliest alarm."""
    found = [(step, name) for name, alarm in alarms.items() if (step := alarm(lines)) is not None]
    return min(found, default=None)
