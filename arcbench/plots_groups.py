"""The chart by which a group size is chosen: how often a group of each size teaches something."""

from collections.abc import Mapping

import numpy as np
from matplotlib.axes import Axes
from matplotlib.figure import Figure
from matplotlib.ticker import FixedLocator, FuncFormatter, NullLocator, PercentFormatter

from arcbench.groups import GroupSizes, signal_chance
from arcbench.plots import BLUE, INK, ORANGE, calm

BARC = {"1 of 8 (BARC 8B, training tasks)": 1 / 8, "1 of 50 (its evaluation tasks)": 1 / 50}


def group_size_chart(
    found: GroupSizes, *, chosen: int | None = None, others: Mapping[str, float] | None = None
) -> Figure:
    """Left: the share of groups with a signal over the group size; right: the pass rates behind it.

    Dashed lines are single tasks of other pass rates, by what they are called: those that BARC's
    model is known for where `others` is left out. `chosen`, one of the sizes, is marked.
    """
    figure = Figure(figsize=(10.5, 3.6), layout="constrained")
    shares, rates = figure.subplots(1, 2, width_ratios=(1.5, 1))
    _shares(shares, found, chosen, BARC if others is None else others)
    calm(rates)
    rates.set_title("pass rates that were measured", fontsize=10, loc="left", color=INK)
    rates.hist(found.rates, bins=list(np.linspace(0, 1, 11)), color=BLUE, alpha=0.85, rwidth=0.92)
    rates.xaxis.set_major_formatter(PercentFormatter(1.0, decimals=0))
    rates.set_xlabel(f"share of up to {found.samples} samples that solve the task", fontsize=9)
    rates.set_ylabel("tasks", fontsize=9, color=INK)
    return figure


def _shares(axes: Axes, found: GroupSizes, chosen: int | None, others: Mapping[str, float]) -> None:
    calm(axes)
    axes.set_title("groups with a signal, by group size", fontsize=10, loc="left", color=INK)
    sizes = list(found.signal)
    many = sorted({round(size) for size in np.geomspace(sizes[0], sizes[-1], 40)})
    for (name, rate), style in zip(others.items(), ("--", ":", "-."), strict=False):
        chances = [signal_chance(rate, size) for size in many]
        axes.plot(many, chances, color=ORANGE, ls=style, lw=1.4, label=f"a task solved {name}")
    axes.axhline(found.open_share, color=INK, lw=1, alpha=0.5)
    axes.annotate(
        f"{found.open_share:.0%} of the tasks are solved sometimes", (sizes[-1], found.open_share),
        xytext=(0, 3), textcoords="offset points", fontsize=8, color=INK, ha="right",
    )  # fmt: skip
    label = f"these {len(found.rates)} tasks"
    axes.plot(sizes, list(found.signal.values()), color=BLUE, lw=2.2, marker="o", label=label)
    if chosen is not None:
        axes.plot(
            [chosen], [found.signal[chosen]], color=BLUE, marker="o", ms=13, mfc="none", mew=2
        )
        axes.annotate(
            f"{chosen}: {found.signal[chosen]:.0%}", (chosen, found.signal[chosen]),
            xytext=(0, -18), textcoords="offset points", fontsize=9, color=INK, ha="center",
        )  # fmt: skip
    axes.set_xscale("log", base=2)
    axes.xaxis.set_major_locator(FixedLocator([float(size) for size in sizes]))
    axes.xaxis.set_major_formatter(FuncFormatter(lambda x, _: f"{x:,.0f}"))
    axes.xaxis.set_minor_locator(NullLocator())
    axes.set_xlabel("completions in a group", fontsize=9, color=INK)
    axes.set_ylim(0, 1.12)
    axes.yaxis.set_major_formatter(PercentFormatter(1.0, decimals=0))
    axes.legend(fontsize=8, frameon=False, labelcolor=INK, loc="lower right")
