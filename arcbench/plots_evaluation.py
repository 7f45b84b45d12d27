"""Charts of evaluations: pass@k, tasks, outcomes, and two evaluations against each other."""

from collections.abc import Mapping

from matplotlib.axes import Axes
from matplotlib.figure import Figure
from matplotlib.ticker import PercentFormatter

from arcbench.evaluation.results import Results
from arcbench.plots import BLUE, GREEN, INK, ORANGE, PURPLE, RED, SKY, calm, empty

# Several evaluations in one chart are told apart by colour, line and mark.
SERIES = (
    (BLUE, "-", "o"), (ORANGE, "--", "s"), (GREEN, "-.", "^"), (RED, ":", "D"),
    (PURPLE, (0, (5, 1)), "v"), (SKY, (0, (3, 1, 1, 1)), "P"),
)  # fmt: skip


def charts(results: Results) -> dict[str, Figure]:
    """The charts of one evaluation, by the name of their file."""
    return {"pass_at_k": pass_at_k_curve({"": results})}


def pass_at_k_curve(evaluations: Mapping[str, Results]) -> Figure:
    """pass@k over k, with 95 % intervals: one line an evaluation."""
    figure = Figure(figsize=(6.4, 4.0), layout="constrained")
    axes: Axes = figure.subplots()
    calm(axes)
    axes.set_xlabel("samples a task, k", fontsize=9, color=INK)
    axes.set_title("pass@k", fontsize=10, loc="left", color=INK)
    shown = {name: r.curve for name, r in evaluations.items() if r.curve}
    if not shown:
        empty(axes, "no samples yet")
        return figure
    for (name, curve), (color, style, mark) in zip(shown.items(), SERIES, strict=False):
        ks = [p.k for p in curve]
        axes.fill_between(ks, [p.low for p in curve], [p.high for p in curve], color=color,
                          alpha=0.15, lw=0)  # fmt: skip
        axes.plot(ks, [p.value for p in curve], color=color, ls=style, marker=mark, ms=4,
                  lw=1.8, label=name)  # fmt: skip
    axes.set_xscale("log", base=2)
    axes.yaxis.set_major_formatter(PercentFormatter(1.0, decimals=0))
    return figure
