"""Metrics → Figures: matplotlib's object API only, so that notebooks and threads may share it."""

import io
import re
from collections.abc import Mapping, Sequence
from itertools import count
from math import isfinite

import matplotlib as mpl
from matplotlib.axes import Axes
from matplotlib.figure import Figure
from matplotlib.ticker import MaxNLocator, PercentFormatter

# Okabe and Ito's colours: told apart by colour-blind readers and on light and dark ground.
BLUE, ORANGE, GREEN, RED, PURPLE, SKY = (
    "#0072B2", "#E69F00", "#009E73", "#D55E00", "#CC79A7", "#56B4E9",
)  # fmt: skip
PARTS = {
    "reward/code": (ORANGE, "code", "--"),
    "reward/ran": (PURPLE, "runs", "-."),
    "reward/exact": (GREEN, "exact", (0, (4, 1))),
    "reward/pixel": (SKY, "pixel", ":"),
    "reward/length": (RED, "length", (0, (1, 1))),
}
Line = Mapping[str, float | None]  # of metrics.jsonl; None: not finite
INK = "#010203"  # stands for "the page's text colour" until figure_svg replaces it
_names = count()


def training_curve(metrics: Sequence[Line], *, window: int = 5) -> Figure:
    """Reward with its parts, solve rate and completion length over the optimiser steps.

    `metrics` are lines of metrics.jsonl: "step" and the names of `arcbench.series`. Lines that
    have none of the three (an evaluation, a note of the trainer) are passed over. The bold lines
    are means over the last `window` steps, the thin ones the steps themselves.
    """
    figure = Figure(figsize=(10.5, 3.1), layout="constrained")
    reward, solved, length = figure.subplots(1, 3, width_ratios=(1.6, 1, 1))
    steps = [m for m in metrics if "step" in m and "reward/mean" in m]
    for axes, title in (
        (reward, "reward"),
        (solved, "solve rate"),
        (length, "completion length (tokens)"),
    ):
        axes.set_title(title, fontsize=10, loc="left", color=INK)
        calm(axes)
    if not steps:
        for axes in (reward, solved, length):
            empty(axes, "no step yet")
        return figure
    _line(reward, steps, "reward/mean", BLUE, window, label="total")
    _band(reward, steps)
    for name, (color, label, style) in PARTS.items():
        xs, ys = points(steps, name)
        if any(ys):
            reward.plot(xs, smooth(ys, window), color=color, lw=1.3, ls=style, label=label)
    if len(reward.lines) > 2:
        reward.legend(
            fontsize=8, frameon=False, labelcolor=INK, ncols=6, loc="lower left",
            bbox_to_anchor=(0.14, 1.0), borderaxespad=0.1, handlelength=1.8, columnspacing=1.0,
        )  # fmt: skip
    _line(solved, steps, "solve_rate", GREEN, window)
    solved.set_ylim(-0.02, 1.02)
    solved.yaxis.set_major_formatter(PercentFormatter(1.0, decimals=0))
    _line(length, steps, "length/mean", ORANGE, window)
    lengths = points(steps, "length/mean")[1]
    if lengths:
        length.set_ylim(0, max(lengths) * 1.15 + 1)
    return figure


def before_after(
    before: Mapping[str, float], after: Mapping[str, float], forms: Mapping[str, str]
) -> Figure:
    """Bars of the same figures before and after training, one panel a figure.

    `forms` names the figures to show, in order, and how each is written: {"pass rate": "{:.0%}"}.
    """
    names = [n for n in forms if n in before and n in after]
    figure = Figure(figsize=(2.1 * max(2, len(names)), 2.6), layout="constrained")
    if not names:
        axes = figure.subplots()
        calm(axes)
        empty(axes, "nothing to compare")
        return figure
    panels = figure.subplots(1, len(names), squeeze=False)[0]
    for axes, name in zip(panels, names, strict=True):
        values = (before[name], after[name])
        bars = axes.bar(["before", "after"], values, color=["#999999", BLUE], width=0.62)
        texts = [forms[name].format(v) for v in values]
        axes.bar_label(bars, texts, padding=2, fontsize=9, color=INK)
        axes.set_title(name, fontsize=10, color=INK)
        axes.margins(y=0.18)
        axes.axhline(0, color=INK, lw=0.8)
        calm(axes)
        axes.set_xlabel("")
        axes.grid(visible=False)
        axes.set_yticks([])
    return figure


def prompt_lengths(
    tokens: Mapping[str, Sequence[int]], *, limit: int | None = None, bin_width: int = 256
) -> Figure:
    """Histograms of the prompt lengths of data sets, one below the other, with one axis.

    `tokens` has the lengths by the name of the data set; `limit` is drawn as a line, with the
    share of the tasks at or below it.
    """
    rows = max(1, len(tokens))
    figure = Figure(figsize=(8.4, 0.7 + 1.15 * rows), layout="constrained")
    panels = figure.subplots(rows, 1, sharex=True, squeeze=False)[:, 0]
    longest = max((max(t) for t in tokens.values() if len(t)), default=1)
    edges = range(0, max(longest, limit or 0) + 2 * bin_width, bin_width)
    for axes, (name, lengths) in zip(panels, tokens.items(), strict=False):
        calm(axes)
        axes.hist(lengths, bins=list(edges), color=BLUE, alpha=0.85, rwidth=0.92)
        title = f"{name}: {len(lengths)} tasks"
        if lengths:
            title += f", longest prompt {max(lengths):,} tokens"
        if limit is not None and lengths:
            share = sum(n <= limit for n in lengths) / len(lengths)
            title += f"; {share:.1%} within {limit:,}"
            axes.axvline(limit, color=RED, lw=1.4, ls="--")
        axes.set_title(title, fontsize=9, loc="left", color=INK)
        axes.yaxis.set_major_locator(MaxNLocator(integer=True, nbins=3))
        axes.set_xlabel("")
    if not tokens:
        calm(panels[0])
        empty(panels[0], "no prompts")
    else:
        panels[-1].set_xlabel("prompt length (tokens)", fontsize=9, color=INK)
        panels[-1].set_xlim(0, edges[-1])
    return figure


def figure_svg(figure: Figure, label: str) -> str:
    """The figure as an inline SVG that takes the text colour and the font of its page.

    A page may hold several: names inside the SVG are made unique.
    """
    with mpl.rc_context({"svg.fonttype": "none", "svg.hashsalt": f"arcbench{next(_names)}"}):
        buffer = io.StringIO()
        figure.savefig(buffer, format="svg", transparent=True, metadata={"Date": None})
    svg = buffer.getvalue()
    svg = svg[svg.index("<svg") :].replace(INK, "currentColor")
    svg = re.sub(r'<g id="[^"]*"', "<g", svg)
    svg = re.sub(r"<metadata>.*?</metadata>", "", svg, flags=re.DOTALL)
    svg = re.sub(r"font-family: [^;\"]*|'DejaVu Sans'[^;\"]*", "font-family: inherit", svg)
    svg = re.sub(r'width="[\d.]+pt" height="[\d.]+pt"|height="[\d.]+pt"', "", svg, count=1)
    svg = re.sub(r'(<svg[^>]*?) width="[\d.]+pt"', r"\1", svg, count=1)
    return svg.replace("<svg", f'<svg class="ab-plot" role="img" aria-label="{label}"', 1)


def calm(axes: Axes) -> None:
    """Few lines, small figures, steps below."""
    for side in ("top", "right"):
        axes.spines[side].set_visible(False)
    for side in ("left", "bottom"):
        axes.spines[side].set_color(INK)
        axes.spines[side].set_alpha(0.4)
    axes.tick_params(colors=INK, labelsize=8.5, length=3)
    axes.grid(color=INK, alpha=0.12, lw=0.7)
    axes.set_axisbelow(True)
    axes.set_xlabel("step", fontsize=9, color=INK)
    axes.patch.set_alpha(0.0)


def empty(axes: Axes, message: str) -> None:
    """Nothing but a message."""
    axes.set_xticks([])
    axes.set_yticks([])
    axes.text(
        0.5, 0.5, message, ha="center", va="center", color=INK, alpha=0.65, fontsize=9,
        transform=axes.transAxes,
    )  # fmt: skip


def points(metrics: Sequence[Line], name: str) -> tuple[list[float], list[float]]:
    """The steps and values of one metric, where it is there and finite."""
    kept: list[tuple[float, float]] = []
    for line in metrics:
        step, value = line["step"], line.get(name)
        if step is not None and value is not None and isfinite(value):
            kept.append((step, value))
    return [x for x, _ in kept], [y for _, y in kept]


def smooth(values: Sequence[float], window: int) -> list[float]:
    """The mean of each value and those before it, `window` of them or as many as there are."""
    return [
        sum(values[max(0, i - window + 1) : i + 1]) / min(window, i + 1) for i in range(len(values))
    ]


def _line(
    axes: Axes,
    metrics: Sequence[Line],
    name: str,
    color: str,
    window: int,
    label: str = "",
) -> None:
    xs, ys = points(metrics, name)
    if not xs:
        empty(axes, "not recorded")
        return
    axes.plot(xs, ys, color=color, lw=0.9, alpha=0.45, marker=".", ms=3)
    axes.plot(xs, smooth(ys, window), color=color, lw=2.2, label=label or None)
    axes.xaxis.set_major_locator(MaxNLocator(integer=True, nbins=6))
    if len(xs) == 1:
        axes.set_xlim(xs[0] - 1, xs[0] + 1)


def _band(axes: Axes, metrics: Sequence[Line]) -> None:
    """The spread of the rewards of a step, one standard deviation up and down."""
    means = dict(zip(*points(metrics, "reward/mean"), strict=True))
    stds = dict(zip(*points(metrics, "reward/std"), strict=True))
    xs = [x for x in means if x in stds]
    low, high = [means[x] - stds[x] for x in xs], [means[x] + stds[x] for x in xs]
    axes.fill_between(xs, low, high, color=BLUE, alpha=0.12, lw=0)
