"""The plots of the notebooks on data, server and rewards: values → Figure."""

from collections import Counter
from collections.abc import Mapping, Sequence
from typing import TYPE_CHECKING

import numpy as np
from matplotlib.axes import Axes
from matplotlib.figure import Figure
from matplotlib.ticker import FuncFormatter, MaxNLocator, PercentFormatter

from arcbench.lengths import Lengths
from arcbench.plots import BLUE, GREEN, INK, ORANGE, PARTS, PURPLE, RED, SKY, calm
from arcbench.rewards import RewardBreakdown
from arcbench.rollouts import Rollout
from arcbench.sandbox.types import Execution, Outcome
from arcbench.tasks import TaskSet

if TYPE_CHECKING:
    from arcbench.training.check_sync import ServerSync

COLORS = (BLUE, ORANGE, GREEN, PURPLE, RED, SKY)
MARKS = ("o", "s", "^", "D", "v", "P")
GAP_FLOOR = 1e-8  # smaller gaps are drawn here: zero has no place on a scale of powers


def pair_counts(tasks: Mapping[str, TaskSet]) -> Figure:
    """How many train and test pairs tasks have: the share of each number, by data set."""
    figure = Figure(figsize=(9.6, 2.9), layout="constrained")
    panels = figure.subplots(1, 2, width_ratios=(2.2, 1))
    for axes, part in zip(panels, ("train", "test"), strict=True):
        calm(axes)
        counts = {
            name: Counter(len(t.train if part == "train" else t.test) for t in found.values())
            for name, found in tasks.items()
        }
        numbers = sorted({n for c in counts.values() for n in c})
        width = 0.84 / max(1, len(counts))
        for i, (name, count) in enumerate(counts.items()):
            places = [k - 0.42 + (i + 0.5) * width for k in range(len(numbers))]
            shares = [count[n] / max(1, len(tasks[name])) for n in numbers]
            axes.bar(places, shares, width * 0.94, color=COLORS[i % len(COLORS)], label=name)
        axes.set_xticks(range(len(numbers)), [str(n) for n in numbers])
        axes.set_xlabel(f"{part} pairs of a task", fontsize=9, color=INK)
        axes.set_title(f"{part} pairs", fontsize=10, loc="left", color=INK)
        axes.yaxis.set_major_formatter(PercentFormatter(1.0, decimals=0))
        axes.grid(visible=False, axis="x")
    panels[0].legend(fontsize=8.5, frameon=False, labelcolor=INK)
    return figure


def fitting(
    lengths: Mapping[str, Lengths], completion: int, marks: Mapping[int, str] | None = None
) -> Figure:
    """The share of tasks that an engine can answer, over its max_model_len in tokens.

    A task counts where its longest prompt and `completion` tokens fit; `marks` names lengths.
    """
    figure = Figure(figsize=(9.6, 3.2), layout="constrained")
    axes = figure.subplots()
    calm(axes)
    for i, (name, found) in enumerate(lengths.items()):
        needed = sorted(n + completion for n in found.tokens)
        shares = np.arange(1, len(needed) + 1) / len(needed)
        axes.step(
            [completion, *needed], [0.0, *shares], where="post", color=COLORS[i % len(COLORS)],
            lw=1.8, label=f"{name}: all from {needed[-1]:,}",
        )  # fmt: skip
    for place, words in (marks or {}).items():
        axes.axvline(place, color=INK, lw=1, ls=":", alpha=0.7)
        axes.annotate(
            words, (place, 0.03), xytext=(-3, 0), textcoords="offset points", rotation=90,
            ha="right", va="bottom", fontsize=8.5, color=INK,
        )  # fmt: skip
    axes.set_ylim(0, 1.03)
    axes.set_xlim(left=completion)
    axes.yaxis.set_major_formatter(PercentFormatter(1.0, decimals=0))
    axes.xaxis.set_major_formatter(FuncFormatter(lambda x, _: f"{x:,.0f}"))
    axes.set_xlabel(f"max_model_len (tokens; {completion:,} of them for the completion)", color=INK)
    axes.set_title("tasks that fit", fontsize=10, loc="left", color=INK)
    axes.legend(fontsize=8.5, frameon=False, labelcolor=INK, loc="center right")
    return figure


def weight_sync(checks: "Mapping[str, ServerSync]") -> Figure:
    """The gap between trainer and server in each check, one panel a server, with its limit."""
    figure = Figure(figsize=(9.6, 2.8), layout="constrained")
    panels = figure.subplots(1, max(1, len(checks)), sharey=True, squeeze=False)[0]
    for axes, (name, server) in zip(panels, checks.items(), strict=False):
        calm(axes)
        names = ["before", "changed", "put back"] + [f"step {c.step}" for c in server.steps]
        for k, check in enumerate(server.checks):
            good = check.verdict.healthy
            gap = max(check.gap, GAP_FLOOR)
            axes.plot(
                k, gap, marker="o" if good else "X", ms=7 if good else 10,
                color=BLUE if good else RED,
            )  # fmt: skip
            axes.annotate(
                f"{check.gap:.1g}", (k, gap), xytext=(0, 8), textcoords="offset points",
                ha="center", fontsize=8, color=INK,
            )  # fmt: skip
        if server.limit is not None:
            axes.axhline(server.limit, color=RED, lw=1.2, ls="--")
            axes.annotate(
                "limit", (1, server.limit), xycoords=("axes fraction", "data"), xytext=(-2, 3),
                textcoords="offset points", ha="right", fontsize=8.5, color=RED,
            )  # fmt: skip
        shown = names[: max(len(server.checks), 3)]
        axes.set_xticks(range(len(shown)), shown)
        axes.set_xlim(-0.6, len(shown) - 0.4)
        axes.set_xlabel("")
        axes.set_yscale("log")
        axes.set_ylim(GAP_FLOOR / 3, 30)
        verdict = "follows" if server.healthy else "does not follow"
        axes.set_title(f"{name}: {verdict}", fontsize=10, loc="left", color=INK)
    panels[0].set_ylabel("gap of a token's\nlog-probability (nats)", fontsize=9, color=INK)
    return figure


def reward_parts(rollouts: Sequence[Rollout]) -> Figure:
    """The parts of each rollout's reward as one bar, the highest first."""
    ordered = sorted(rollouts, key=lambda r: -r.reward.total)
    figure = Figure(figsize=(9.6, 0.9 + 0.24 * len(ordered)), layout="constrained")
    axes = figure.subplots()
    calm(axes)
    left = np.zeros(len(ordered))
    below = np.zeros(len(ordered))
    places = np.arange(len(ordered))
    for part, (color, label, _) in PARTS.items():
        values = np.array([r.reward.parts[part.removeprefix("reward/")] for r in ordered])
        if not values.any():
            continue
        start = np.where(values >= 0, left, below)
        axes.barh(places, values, left=start, color=color, label=label, height=0.72)
        left += np.maximum(values, 0)
        below += np.minimum(values, 0)
    axes.axvline(0, color=INK, lw=0.8)
    axes.set_yticks(places, [f"#{r.index + 1} {r.execution.outcome.value}" for r in ordered])
    axes.invert_yaxis()
    axes.set_xlabel("reward", fontsize=9, color=INK)
    axes.grid(visible=False, axis="y")
    axes.legend(
        fontsize=8.5, frameon=False, labelcolor=INK, ncols=5, loc="lower right",
        bbox_to_anchor=(1, 1), borderaxespad=0,
    )  # fmt: skip
    return figure


def reward_schemes(rewards: Sequence[Mapping[str, RewardBreakdown]]) -> Figure:
    """What each scheme pays for the same completions: a panel a scheme, a dot a completion.

    The line is the mean; dots above it get a positive advantage, those below a negative one.
    """
    names = list(rewards[0]) if rewards else []
    figure = Figure(figsize=(9.6, 2.7), layout="constrained")
    panels = figure.subplots(1, max(1, len(names)), squeeze=False)[0]
    for axes, name in zip(panels, names, strict=False):
        calm(axes)
        totals = np.array([r[name].total for r in rewards])
        mean = float(totals.mean())
        places = np.arange(1, len(totals) + 1)
        up = totals > mean + 1e-9
        down = totals < mean - 1e-9
        for chosen, color, mark in ((up, GREEN, "^"), (down, RED, "v"), (~up & ~down, BLUE, "o")):
            axes.vlines(places[chosen], mean, totals[chosen], color=color, lw=1.4)
            axes.plot(places[chosen], totals[chosen], mark, color=color, ms=6)
        axes.axhline(mean, color=INK, lw=1, alpha=0.6)
        axes.margins(y=0.15)
        axes.xaxis.set_major_locator(MaxNLocator(integer=True, nbins=6))
        axes.set_xlabel("completion", fontsize=9, color=INK)
        axes.set_title(
            f"{name}: mean {mean:.2f}, spread {totals.std():.2f}", fontsize=10, loc="left",
            color=INK,
        )  # fmt: skip
    return figure


def containment(executions: Mapping[str, Execution], limit_s: float) -> Figure:
    """How long each program ran until it was over, and what ended it."""
    figure = Figure(figsize=(9.6, 0.9 + 0.3 * len(executions)), layout="constrained")
    axes = figure.subplots()
    calm(axes)
    for k, execution in enumerate(executions.values()):
        ok = execution.outcome is Outcome.OK
        axes.barh(k, max(execution.seconds, 0.004), color=GREEN if ok else ORANGE, height=0.66)
        _say(axes, max(execution.seconds, 0.004), k, execution)
    axes.axvline(limit_s, color=RED, lw=1.2, ls="--")
    axes.annotate(
        "deadline", (limit_s, 1), xycoords=("data", "axes fraction"), xytext=(-3, 3),
        textcoords="offset points", ha="right", fontsize=8.5, color=RED,
    )  # fmt: skip
    axes.set_yticks(range(len(executions)), list(executions))
    axes.invert_yaxis()
    axes.set_xlim(0, limit_s * 1.35)
    axes.set_xlabel("seconds until it was over", fontsize=9, color=INK)
    axes.grid(visible=False, axis="y")
    return figure


def _say(axes: Axes, x: float, y: int, execution: Execution) -> None:
    axes.annotate(
        f"{execution.outcome.value}, {execution.seconds:.2f} s", (x, y), xytext=(5, 0),
        textcoords="offset points", va="center", fontsize=8.5, color=INK,
    )  # fmt: skip
