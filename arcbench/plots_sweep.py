"""The chart of a sweep: how each value learned, and where each ended."""

from collections.abc import Sequence
from math import isfinite, log10

import matplotlib as mpl
import numpy as np
from matplotlib.axes import Axes
from matplotlib.figure import Figure
from matplotlib.lines import Line2D
from matplotlib.ticker import MaxNLocator, PercentFormatter

from arcbench import series
from arcbench.plots import INK, Line, calm, empty, points, smooth
from arcbench.training.sweep_results import SweepResults, ValueResult
from arcbench.training.sweep_verdict import Verdict

# A verdict is told by shape and word; colour tells the value.
MARKERS = {
    Verdict.FLAT: "s",
    Verdict.LEARNING: "^",
    Verdict.UNSTABLE: "D",
    Verdict.DESTROYED: "X",
    Verdict.UNDECIDED: "o",
}
_MAX_LEGEND = 14  # values; more are only marked in the right panel


def sweep_chart(results: SweepResults) -> Figure:
    """Reward and solve rate over the steps, one colour a value, and the last reward of each value.

    Bold lines are means over the last steps (a fifteenth of the run, at least 3) and over the
    seeds; a band reaches from the lowest to the highest seed. With one seed the thin line is the
    steps themselves.
    """
    figure = Figure(figsize=(11.5, 6.4), layout="constrained")
    grid = figure.add_gridspec(2, 2, width_ratios=(1.5, 1), height_ratios=(1.35, 1))
    reward, solved = figure.add_subplot(grid[0, 0]), figure.add_subplot(grid[1, 0])
    ends = figure.add_subplot(grid[:, 1])
    for axes, title in (
        (reward, "reward"),
        (solved, "solve rate"),
        (ends, "reward at the end, by value"),
    ):
        calm(axes)
        axes.set_title(title, fontsize=10, loc="left")
    reward.set_xlabel("")
    solved.set_ylim(-0.03, 1.03)
    solved.yaxis.set_major_formatter(PercentFormatter(1.0, decimals=0))
    begun = [v for v in results.values if v.reward_last is not None]
    if not begun:
        for axes in (reward, solved, ends):
            empty(axes, "no step yet")
        return figure
    colors = value_colors(len(results.values))
    for value, color in zip(results.values, colors, strict=True):
        runs = [r for x in value.runs if (r := results.metrics[x.run])]
        _curve(reward, runs, series.REWARD_MEAN, color)
        _curve(solved, runs, series.SOLVE_RATE, color)
    for axes in (reward, solved):
        axes.xaxis.set_major_locator(MaxNLocator(integer=True))
    _ends(ends, results, colors)
    _legend(figure, results, colors)
    return figure


def value_colors(count: int) -> list[str]:
    """Colours of `count` ordered values, dark to light, told apart by colour-blind readers."""
    # Viridis without its last part, which is too light for lines on white.
    places = np.linspace(0.0, 0.86, max(count, 2))
    return [mpl.colors.to_hex(mpl.colormaps["viridis"](p)) for p in places[:count]]


def value_label(value: ValueResult) -> str:
    """The value as it was written, one for each axis."""
    return ", ".join(value.values)


def _curve(axes: Axes, runs: Sequence[Sequence[Line]], name: str, color: str) -> None:
    """One value: the mean over its seeds, smoothed, with a band or the steps themselves."""
    lines = [dict(zip(*points(r, name), strict=True)) for r in runs]
    lines = [x for x in lines if x]
    if not lines:
        return
    if len(lines) == 1:
        xs, ys = list(lines[0]), list(lines[0].values())
        axes.plot(xs, ys, color=color, lw=0.8, alpha=0.35)
        axes.plot(xs, smooth(ys, _window(len(xs))), color=color, lw=2.2)
        return
    # Seeds may stand at different steps: each step has the seeds that reached it.
    xs = sorted(set().union(*lines))
    means = [dict(zip(x, smooth(list(x.values()), _window(len(x))), strict=True)) for x in lines]
    there = [[m[x] for m in means if x in m] for x in xs]
    axes.fill_between(xs, [min(t) for t in there], [max(t) for t in there], color=color,
                      alpha=0.16, lw=0)  # fmt: skip
    axes.plot(xs, [sum(t) / len(t) for t in there], color=color, lw=2.2)


def _rewards(run: Sequence[Line]) -> list[float]:
    return points(run, series.REWARD_MEAN)[1]


def _window(steps: int) -> int:
    return max(3, steps // 15)


def _ends(axes: Axes, results: SweepResults, colors: Sequence[str]) -> None:
    """The last reward over the swept value, marked by verdict; dashed: the first step."""
    places, log_scale = _places(results)
    if log_scale:
        axes.set_xscale("log")
    axes.set_xlabel(results.plan.axes[0].name if len(results.plan.axes) == 1 else "", fontsize=9)
    # The first step of each run is of the policy before any update.
    start = float(np.mean([y[0] for r in results.metrics.values() if (y := _rewards(r))]))
    axes.axhline(start, color=INK, lw=1, ls=(0, (4, 3)), alpha=0.6)
    axes.annotate(
        "first step", (1.0, start), xycoords=("axes fraction", "data"), xytext=(-2, 3),
        textcoords="offset points", ha="right", fontsize=8, color=INK, zorder=4,
        bbox={"fc": "white", "ec": "none", "alpha": 0.75, "pad": 0.5},
    )  # fmt: skip
    shown = [
        (x, v.reward_last, v, c) for x, v, c in zip(places, results.values, colors, strict=True)
        if v.reward_last is not None
    ]  # fmt: skip
    if len(results.plan.axes) == 1:
        axes.plot([x for x, *_ in shown], [last for _, last, *_ in shown], color=INK,
                  lw=0.9, alpha=0.3, zorder=1)  # fmt: skip
    for x, last, value, color in shown:
        if len(value.last_by_seed) > 1:
            low, high = min(value.last_by_seed), max(value.last_by_seed)
            axes.plot([x, x], [low, high], color=color, lw=2, alpha=0.55, zorder=2)
        axes.plot(
            [x], [last], marker=MARKERS[value.verdict], ms=11, color=color, ls="none", zorder=3,
            mec="white", mew=1.0,
        )  # fmt: skip
    axes.margins(x=0.12, y=0.16)
    _words(axes, [(x, last, v.verdict.value) for x, last, v, _ in shown])
    if log_scale:
        axes.minorticks_off()
    axes.set_xticks(places, [value_label(v) for v in results.values])
    if sum(len(value_label(v)) for v in results.values) > 40:
        axes.tick_params(axis="x", rotation=35)
        for label in axes.get_xticklabels():
            label.set_horizontalalignment("right")
            label.set_rotation_mode("anchor")


def _words(axes: Axes, points: Sequence[tuple[float, float, str]]) -> None:
    """A word above each point, a line or two higher where it would touch a neighbour's."""
    axes.autoscale_view()
    to_axes = axes.transData + axes.transAxes.inverted()
    ends = [-1.0, -1.0, -1.0]  # of the last word in each line, in widths of the panel
    for x, y, word in sorted(points):
        across = float(to_axes.transform((x, y))[0])
        level = next((i for i, end in enumerate(ends) if across - end >= 0.17), 0)
        ends[level] = across
        axes.annotate(
            word, (x, y), xytext=(0, 9 + 11 * level), textcoords="offset points", ha="center",
            fontsize=8.5, color=INK, zorder=4,
        )  # fmt: skip


def _places(results: SweepResults) -> tuple[list[float], bool]:
    """Where each value stands on the axis, and whether that is logarithmic.

    Numbers of one axis stand where they belong (logarithmic over a factor of ten or more),
    everything else in its order.
    """
    count = len(results.values)
    if len(results.plan.axes) > 1:
        return list(range(count)), False
    try:
        numbers = [float(v.values[0]) for v in results.values]
    except ValueError:
        return list(range(count)), False
    if not all(map(isfinite, numbers)):
        return list(range(count)), False
    low, high = min(numbers), max(numbers)
    return numbers, low > 0 and log10(high / low) >= 1


def _legend(figure: Figure, results: SweepResults, colors: Sequence[str]) -> None:
    """Values with their colours, above all panels; a note of what bands are."""
    if len(results.values) > _MAX_LEGEND:
        return
    handles = [
        Line2D([], [], color=c, lw=3, marker=MARKERS[v.verdict], ms=8, mec="white", mew=0.8,
               label=f"{value_label(v)}  {v.verdict.value}")
        for v, c in zip(results.values, colors, strict=True)
    ]  # fmt: skip
    names = ", ".join(a.name for a in results.plan.axes)
    seeds = max(len(v.runs) for v in results.values)
    note = f"bands: lowest to highest of {seeds} seeds" if seeds > 1 else "thin: single steps"
    figure.legend(
        handles=handles, loc="outside upper left", ncols=min(6, len(handles)), frameon=False,
        fontsize=9, title=f"{names}  ({note})", title_fontsize=9, alignment="left",
        handlelength=2.6, columnspacing=1.6,
    )  # fmt: skip
