"""Charts of what training brought: the courses of several runs, and each task before and after."""

from collections.abc import Mapping, Sequence

import numpy as np
from matplotlib.axes import Axes
from matplotlib.figure import Figure
from matplotlib.ticker import MaxNLocator, PercentFormatter

from arcbench import series
from arcbench.plots import BLUE, GREEN, INK, ORANGE, Line, calm, empty, points, smooth

_PANELS = (
    (series.REWARD_MEAN, "reward", BLUE),
    (series.SOLVE_RATE, "completions that solve their task", GREEN),
    (series.GROUP_UNIQUE_OUTPUTS, "different outputs in a group", ORANGE),
)


def run_courses(runs: Mapping[str, Sequence[Line]]) -> Figure:
    """Reward, solve rate and variety over the steps of several runs: each thin, their mean bold.

    `runs` has the lines of metrics.jsonl by the name of the run.
    """
    figure = Figure(figsize=(11.5, 3.4), layout="constrained")
    for axes, (name, title, color) in zip(figure.subplots(1, 3), _PANELS, strict=True):
        calm(axes)
        axes.xaxis.set_major_locator(MaxNLocator(integer=True))
        axes.set_title(title, fontsize=10, loc="left", color=INK)
        _courses(axes, list(runs.values()), name, color)
        if name != series.REWARD_MEAN:
            axes.set_ylim(-0.02, 1.02)
            axes.yaxis.set_major_formatter(PercentFormatter(1.0, decimals=0))
    seeds = f"{len(runs)} run{'' if len(runs) == 1 else 's'}"
    figure.suptitle(f"{seeds}: {', '.join(runs)}"[:110], fontsize=9, x=0.01, ha="left", color=INK)
    return figure


def _courses(axes: Axes, runs: Sequence[Sequence[Line]], name: str, color: str) -> None:
    found = [points(run, name) for run in runs]
    found = [(xs, ys) for xs, ys in found if xs]
    if not found:
        empty(axes, "no step yet")
        return
    shortest = min(len(ys) for _, ys in found)
    window = max(3, shortest // 15)
    for xs, ys in found:
        axes.plot(xs, smooth(ys, window), color=color, lw=0.8, alpha=0.45)
    mean = np.mean([ys[:shortest] for _, ys in found], axis=0)
    axes.plot(found[0][0][:shortest], smooth(list(mean), window), color=color, lw=2.0)
