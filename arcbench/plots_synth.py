"""The chart that lays procedural tasks beside those of ARC."""

from collections.abc import Mapping, Sequence
from typing import Any

import numpy as np
from matplotlib.axes import Axes
from matplotlib.figure import Figure
from matplotlib.ticker import MaxNLocator, PercentFormatter

from arcbench.grids import COLOR_NAMES
from arcbench.plots import BLUE, INK, ORANGE, calm
from arcbench.synth.statistics import MEASURES, Statistics, value_order

_FROM = ("input cells", "output cells", "prompt tokens")  # their values are the lower ends of bins


def statistics_chart(arc: Statistics, ours: Statistics) -> Figure:
    """Shares by value, a panel a measure, the two sets side by side.

    The number in a panel is the total variation: the share that would have to move.
    """
    columns = 3
    rows = -(-len(MEASURES) // columns)
    figure = Figure(figsize=(11, 2.45 * rows + 0.4), layout="constrained")
    panels = figure.subplots(rows, columns, squeeze=False).ravel()
    for axes, measure in zip(panels, MEASURES, strict=False):
        calm(axes)
        axes.set_xlabel("")
        _pair(axes, arc.shares[measure], ours.shares[measure], measure)
        axes.set_title(measure, fontsize=10, loc="left", color=INK)
        distance = arc.distance(ours, measure)
        axes.set_title(f"distance {distance:.2f}", fontsize=8.5, loc="right", color=INK, alpha=0.7)
    for axes in panels[len(MEASURES) :]:
        axes.set_axis_off()
    figure.legend(
        *panels[0].get_legend_handles_labels(), loc="outside upper left", ncols=2, frameon=False,
        fontsize=9.5, labelcolor=INK,
    )  # fmt: skip
    for handle, one in zip(figure.legends[0].get_texts(), (arc, ours), strict=True):
        handle.set_text(f"{one.name} ({one.num_tasks:,} tasks)")
    return figure


def _pair(
    axes: Axes, first: Mapping[Any, float], second: Mapping[Any, float], measure: str
) -> None:
    values = sorted({*first, *second}, key=value_order)
    places = np.arange(len(values))
    for shift, shares, color, label in (
        (-0.21, first, BLUE, "first"),
        (0.21, second, ORANGE, "second"),
    ):
        heights = [shares.get(v, 0.0) for v in values]
        axes.bar(places + shift, heights, width=0.4, color=color, label=label)
    axes.set_xticks(places, _labels(values, measure))
    axes.yaxis.set_major_formatter(PercentFormatter(1.0, decimals=0))
    axes.yaxis.set_major_locator(MaxNLocator(nbins=4))
    axes.grid(visible=False, axis="x")
    axes.tick_params(axis="x", length=0, labelsize=8)
    if measure in (*_FROM, "background"):
        axes.tick_params(axis="x", rotation=45)


def _labels(values: Sequence[Any], measure: str) -> list[str]:
    if measure == "background":
        return [COLOR_NAMES[v] for v in values]
    if measure == "tenths of background":
        return [f".{v}" for v in values]
    if measure in _FROM:
        return [f"≥{v:,}" if v else "0" for v in values]
    return [str(v).replace(", ", ",\n") for v in values]
