"""Any metric of several runs in one chart."""

from collections.abc import Mapping, Sequence

from matplotlib.axes import Axes
from matplotlib.figure import Figure
from matplotlib.ticker import MaxNLocator, PercentFormatter

from arcbench.plots import (
    BLUE,
    GREEN,
    INK,
    ORANGE,
    PURPLE,
    RED,
    SKY,
    Line,
    calm,
    empty,
    points,
    smooth,
)

# A run is told by colour and by the form of its line.
STYLES = tuple(
    (color, line)
    for line in ("-", (0, (5, 2)), (0, (1.5, 1.5)))
    for color in (BLUE, ORANGE, GREEN, PURPLE, RED, SKY)
)
SHARES = (
    "solve_rate", "group/no_signal", "group/solved", "outcome/", "unique/", "length/truncated",
    "policy/clip", "execution/", "text/unique", "text/loop", "text/top", "text/printable",
    "text/garbled", "ratio/ess", "ratio/update_ess",
)  # fmt: skip


def overlay(runs: Mapping[str, Sequence[Line]], names: Sequence[str], *, window: int = 5) -> Figure:
    """A panel for each metric of `names`, a line for each of `runs` (at most 18 are told apart).

    `runs` has the lines of metrics.jsonl by the run's name. Bold lines are means over the last
    `window` steps; where a run stands alone the thin line is the steps themselves.
    """
    columns = min(2, max(1, len(names)))
    rows = max(1, -(-len(names) // columns))
    figure = Figure(figsize=(10.5, 0.5 + 2.5 * rows), layout="constrained")
    panels = figure.subplots(rows, columns, squeeze=False).ravel()
    for axes, name in zip(panels, names, strict=False):
        _panel(axes, runs, name, window)
    for axes in panels[len(names) :]:
        axes.set_visible(False)
    if not names:
        panels[0].set_visible(True)
        calm(panels[0])
        empty(panels[0], "no metric is chosen")
    handles = {line.get_label(): line for axes in panels for line in axes.lines}
    named = {label: line for label, line in handles.items() if not label.startswith("_")}
    if len(runs) > 1 and named:
        figure.legend(
            named.values(), named.keys(), loc="outside upper left", ncols=4, fontsize=8.5,
            frameon=False, labelcolor=INK,
        )  # fmt: skip
    return figure


def _panel(axes: Axes, runs: Mapping[str, Sequence[Line]], name: str, window: int) -> None:
    calm(axes)
    axes.set_title(name, fontsize=10, loc="left", color=INK)
    for (run, lines), (color, style) in zip(runs.items(), STYLES, strict=False):
        xs, ys = points(lines, name)
        if not xs:
            continue
        if len(runs) == 1:
            axes.plot(xs, ys, color=color, lw=0.9, alpha=0.45)
        marker = "o" if len(xs) == 1 else None
        axes.plot(xs, smooth(ys, window), color=color, ls=style, lw=2.0, label=run, marker=marker)
    if not axes.lines:
        empty(axes, "not recorded")
        return
    axes.xaxis.set_major_locator(MaxNLocator(integer=True, nbins=6))
    if name.startswith(SHARES):
        axes.yaxis.set_major_formatter(PercentFormatter(1.0, decimals=0))
