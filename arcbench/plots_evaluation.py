"""Charts of evaluations: pass@k, tasks, outcomes, totals, and two of them against each other."""

from collections import Counter
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
from matplotlib.axes import Axes
from matplotlib.collections import PathCollection
from matplotlib.figure import Figure
from matplotlib.layout_engine import ConstrainedLayoutEngine
from matplotlib.ticker import FixedLocator, FuncFormatter, NullLocator

from arcbench.evaluation.compare import SURE, Comparison, TaskChange
from arcbench.evaluation.pass_at_k import PassAtK
from arcbench.evaluation.results import Results, TaskResult
from arcbench.plots import BLUE, GREEN, INK, ORANGE, PURPLE, RED, SKY, calm, empty
from arcbench.sandbox.types import Outcome

GREY = "#777777"
MAX_SERIES = 6  # evaluations in one chart
_MAX_NAMED = 40  # tasks that have a bar and a name each; more become an outline
_MARK = 46  # size of a task's mark, in square points
_MAX_LINES = 30  # of names beside the scatter
_MAX_LISTED = 12  # gained tasks that are named beside the scatter, and as many lost ones

_PERCENT = FuncFormatter(lambda x, _: f"{100 * x:.4g}%")


@dataclass(frozen=True, kw_only=True, slots=True)
class _Look:
    """How one of several evaluations is told apart: by colour, line, mark and hatch."""

    color: str
    line: Any
    mark: str
    hatch: str


_LOOKS = (
    _Look(color=BLUE, line="-", mark="o", hatch=""),
    _Look(color=ORANGE, line="--", mark="s", hatch="///"),
    _Look(color=GREEN, line="-.", mark="^", hatch="..."),
    _Look(color=RED, line=":", mark="D", hatch="xxx"),
    _Look(color=PURPLE, line=(0, (5, 1)), mark="v", hatch="\\\\\\"),
    _Look(color=SKY, line=(0, (3, 1, 1, 1)), mark="P", hatch="+++"),
)


def charts(results: Results) -> dict[str, Figure]:
    """The charts of one evaluation, by the name of their file."""
    return {
        "pass_at_k": pass_at_k_curve({"": results}),
        "tasks": task_bars(results),
        "outcomes": outcome_bars({"": results}),
        "totals": total_bars({"": results}),
    }


def pass_at_k_curve(evaluations: Mapping[str, Results]) -> Figure:
    """pass@k over k with its 95 % interval, one line for each of up to six evaluations.

    The line is faint where k is more than a quarter of the samples: its estimate varies much.
    """
    figure = Figure(figsize=(6.6, 4.2), layout=_layout())
    axes = figure.subplots()
    _panel(axes, "share of tasks solved by at least one of k samples (pass@k)")
    axes.set_xlabel("k, samples a task (faint: more than a quarter of those drawn)", fontsize=9)
    shown = [(n, r.curve) for n, r in evaluations.items() if r.curve][:MAX_SERIES]
    if not shown:
        empty(axes, "no samples yet")
        return figure
    longest = max(curve[-1].k for _, curve in shown)
    for (name, curve), look in zip(shown, _LOOKS, strict=False):
        _curve(axes, name, curve, look)
    axes.set_xscale("log", base=2)
    powers = [2**i for i in range(longest.bit_length())]
    axes.xaxis.set_major_locator(FixedLocator([float(p) for p in powers[:: 1 + len(powers) // 11]]))
    axes.xaxis.set_major_formatter(FuncFormatter(lambda x, _: f"{x:,.0f}"))
    axes.xaxis.set_minor_locator(NullLocator())
    if longest == 1:
        axes.set_xlim(0.7, 1.4)
    axes.set_ylim(0, min(1.0, 1.12 * max(p.high for _, c in shown for p in c)) + 0.005)
    axes.yaxis.set_major_formatter(_PERCENT)
    _legend(figure, axes, len(evaluations))
    return figure


def _curve(axes: Axes, name: str, curve: Sequence[PassAtK], look: _Look) -> None:
    ks, values = [p.k for p in curve], [p.value for p in curve]
    axes.fill_between(ks, [p.low for p in curve], [p.high for p in curve], color=look.color,
                      alpha=0.14, lw=0)  # fmt: skip
    steady = sum(k == 1 or 4 * k <= ks[-1] for k in ks)
    powers = [i for i in range(steady) if ks[i].bit_count() == 1]
    axes.plot(ks[:steady], values[:steady], color=look.color, ls=look.line, lw=2, marker=look.mark,
              ms=5, markevery=powers, label=name)  # fmt: skip
    axes.plot(ks[steady - 1 :], values[steady - 1 :], color=look.color, ls=look.line, lw=2,
              alpha=0.4)  # fmt: skip


def task_bars(results: Results) -> Figure:
    """The pass rate of every task, sorted; the light part is right on the train pairs only.

    Up to 40 tasks have a bar with their name and 95 % interval each, more become an outline.
    """
    tasks = sorted(
        (t for t in results.tasks if t.task_id in results.counts),
        key=lambda t: (-t.count(results.pairs).rate, -t.count("train").rate, t.task_id),
    )
    if len(tasks) > _MAX_NAMED:
        return _task_outline(tasks, results)
    figure = Figure(figsize=(6.6, 1.3 + 0.24 * max(4, len(tasks))), layout=_layout())
    axes = figure.subplots()
    _panel(axes, f"pass rate of each task ({_solved_text(results)})")
    if not tasks:
        empty(axes, "no samples yet")
        return figure
    places = np.arange(len(tasks))
    counts = [t.count(results.pairs) for t in tasks]
    rates = np.array([c.rate for c in counts])
    _train_bars(axes, tasks, results)
    axes.barh(places, rates, color=BLUE, height=0.72, label="every pair right")
    ends = np.array([c.interval for c in counts]).T
    axes.errorbar(rates, places, xerr=np.abs(ends - rates), fmt="none", ecolor=INK, elinewidth=0.9,
                  capsize=2, alpha=0.75, label="95 % interval")  # fmt: skip
    right = max(float(ends[1].max()), max(t.count("train").rate for t in tasks), 0.05)
    for y, count in zip(places, counts, strict=True):
        axes.annotate(
            f"{count.solved}/{count.samples}", (1.0, y), xycoords=("axes fraction", "data"),
            xytext=(4, 0), textcoords="offset points", va="center", fontsize=8, color=INK,
        )  # fmt: skip
    axes.set_yticks(places, [t.task_id for t in tasks], fontfamily="monospace")
    axes.set_ylim(len(tasks) - 0.4, -0.6)
    axes.set_xlim(0, min(1.0, right * 1.03))
    axes.xaxis.set_major_formatter(_PERCENT)
    axes.grid(visible=False, axis="y")
    _legend(figure, axes, 2)
    return figure


def _train_bars(axes: Axes, tasks: Sequence[TaskResult], results: Results) -> None:
    if any(t.count("train").solved > t.count(results.pairs).solved for t in tasks):
        axes.barh(
            np.arange(len(tasks)), [t.count("train").rate for t in tasks], color=SKY, alpha=0.45,
            height=0.72, label="train pairs right, test wrong",
        )  # fmt: skip


def _task_outline(tasks: Sequence[TaskResult], results: Results) -> Figure:
    """One step a task, on an axis that is linear up to one sample and logarithmic above."""
    figure = Figure(figsize=(7.4, 3.8), layout=_layout())
    axes = figure.subplots()
    _panel(axes, f"pass rate of each task, sorted ({_solved_text(results)})")
    edges = np.arange(len(tasks) + 1)
    if results.pairs == "all":
        train = sorted((t.count("train").rate for t in tasks), reverse=True)
        axes.stairs(train, edges, color=ORANGE, lw=1.4, ls="--", label="train pairs right, sorted")
    rates = [t.count(results.pairs).rate for t in tasks]
    axes.stairs(rates, edges, fill=True, color=BLUE, alpha=0.85, label="every pair right")
    most = max(t.samples for t in tasks)
    _rate_scale(axes, "y", most)
    mean = float(np.mean(rates))
    axes.axhline(mean, color=INK, lw=1, ls=(0, (4, 3)), label=f"mean {mean:.1%}")
    axes.set_xlim(0, len(tasks))
    axes.set_xlabel(
        f"tasks, the easiest first (logarithmic above one of {most:,} samples)", fontsize=9
    )
    axes.grid(visible=False, axis="x")
    _legend(figure, axes, 2)
    return figure


def _solved_text(results: Results) -> str:
    return f"{len(results.solved_tasks)} of {len(results.counts)} solved"


def outcome_bars(evaluations: Mapping[str, Results]) -> Figure:
    """How the samples ended, as shares of all of them; one bar for each evaluation."""
    shown = [(n, r) for n, r in evaluations.items() if r.samples][:MAX_SERIES]
    shares = [r.outcomes for _, r in shown]
    names = [o for o in Outcome if any(o in share for share in shares)]
    rows = max(2, len(names)) * max(1, len(shown))
    figure = Figure(figsize=(6.6, 1.1 + 0.2 * rows + 0.1 * len(names)), layout=_layout())
    axes = figure.subplots()
    _panel(axes, "how the samples ended")
    if not shown:
        empty(axes, "no samples yet")
        return figure
    _bars(axes, [n for n, _ in shown], [str(n).replace("_", " ") for n in names],
          [[s.get(o, 0.0) for o in names] for s in shares])  # fmt: skip
    axes.margins(x=0.12)
    axes.xaxis.set_major_formatter(_PERCENT)
    _legend(figure, axes, len(shown))
    return figure


def total_bars(evaluations: Mapping[str, Results]) -> Figure:
    """Pass rate and pass@k with their 95 % intervals, for each evaluation."""
    shown = [(n, r) for n, r in evaluations.items() if r.curve][:MAX_SERIES]
    ks = sorted({p.k for _, r in shown for p in (r.curve[0], *r.pass_at_k)})
    rows = max(2, len(ks)) * max(1, len(shown))
    figure = Figure(figsize=(6.6, 1.2 + 0.24 * rows + 0.1 * len(ks)), layout=_layout())
    axes = figure.subplots()
    _panel(axes, "share of tasks solved, with 95 % intervals")
    if not shown:
        empty(axes, "no samples yet")
        return figure
    found = [{p.k: p for p in (r.curve[0], *r.pass_at_k)} for _, r in shown]
    _bars(
        axes,
        [n for n, _ in shown],
        ["pass rate (pass@1)" if k == 1 else f"pass@{k}" for k in ks],
        [[f[k].value if k in f else None for k in ks] for f in found],
        [[(f[k].low, f[k].high) if k in f else None for k in ks] for f in found],
    )
    axes.margins(x=0.14)
    axes.set_xlim(left=0)
    axes.xaxis.set_major_formatter(_PERCENT)
    _legend(figure, axes, len(shown))
    return figure


def _bars(
    axes: Axes,
    names: Sequence[str],
    rows: Sequence[str],
    values: Sequence[Sequence[float | None]],
    intervals: Sequence[Sequence[tuple[float, float] | None]] = (),
) -> None:
    """Horizontal bars, one group a row and one bar a name, with their values behind them."""
    height = 0.78 / len(names)
    for i, (name, look) in enumerate(zip(names, _LOOKS, strict=False)):
        for row, value in enumerate(values[i]):
            if value is None:
                continue
            y = row + (i - (len(names) - 1) / 2) * height
            axes.barh(y, value, height=height * 0.92, color=look.color, alpha=0.85,
                      hatch=look.hatch, edgecolor="white", lw=0,
                      label=name if row == 0 else None)  # fmt: skip
            end = value
            if intervals and (ends := intervals[i][row]) is not None:
                axes.plot(ends, [y, y], color=INK, lw=1.1, solid_capstyle="butt")
                axes.plot(ends, [y, y], color=INK, ls="none", marker="|", ms=5, mew=1.1)
                end = ends[1]
            axes.annotate(
                f"{value:.1%}", (end, y), xytext=(5, 0), textcoords="offset points", va="center",
                fontsize=8.5, color=INK,
            )  # fmt: skip
    axes.set_yticks(range(len(rows)), rows)
    axes.set_ylim(len(rows) - 0.45, -0.55)
    axes.grid(visible=False, axis="y")


def before_against_after(comparison: Comparison) -> Figure:
    """The pass rate of every task on both sides; gained and lost tasks are marked and named.

    Tasks with the same two rates are one mark with their number. Both axes are linear up to one
    sample and logarithmic above.
    """
    c = comparison
    figure = Figure(figsize=(9.4, 5.4), layout=_layout())
    axes, words = figure.subplots(1, 2, width_ratios=(1.75, 1))
    _panel(axes, f"pass rate of each task: {_short(c.b)} against {_short(c.a)}")
    kinds = (
        ("solved by both", BLUE, "o", [t for t in c.tasks if t.a.solved and t.b.solved]),
        ("gained", GREEN, "^", list(c.gained)),
        ("lost", RED, "v", list(c.lost)),
        ("solved by neither", GREY, "x", [t for t in c.tasks if not (t.a.solved or t.b.solved)]),
    )  # fmt: skip
    most = max(max(t.a.samples, t.b.samples) for t in c.tasks)
    axes.plot([0, 1], [0, 1], color=INK, lw=0.9, ls=(0, (4, 3)), alpha=0.55)
    for label, color, mark, tasks in kinds:
        if tasks:
            _marks(axes, tasks, f"{label}: {len(tasks)}", color, mark)
    if c.changed:
        _rings(axes, c.changed)
    for side in ("x", "y"):
        _rate_scale(axes, side, most, room=True)
    axes.set_aspect("equal", adjustable="box")
    axes.set_xlabel(_short(c.a), fontsize=9)
    axes.set_ylabel(_short(c.b), fontsize=9, color=INK)
    _legend(figure, axes, 2, ncols=5)
    _listed(words, c)
    return figure


def _marks(axes: Axes, tasks: Sequence[TaskChange], label: str, color: str, mark: str) -> None:
    """One mark for each different pair of rates, larger and numbered where tasks share it."""
    found = Counter((t.a.rate, t.b.rate) for t in tasks)
    xs, ys = np.array(list(found)).T
    sizes = [_MARK + 26 * np.sqrt(n - 1) for n in found.values()]
    look: dict[str, Any] = {} if mark == "x" else {"edgecolors": "white", "linewidths": 0.7}
    axes.scatter(xs, ys, s=sizes, c=color, marker=mark, alpha=0.8, label=label, clip_on=False,
                 zorder=3, **look)  # fmt: skip
    for ((x, y), n), size in zip(found.items(), sizes, strict=True):
        if n > 2:
            beside = 0.4 * float(size) ** 0.5
            axes.annotate(
                str(n), (x, y), xytext=(beside, beside), textcoords="offset points", fontsize=7.5,
                color=INK, zorder=4,
            )  # fmt: skip


def _rings(axes: Axes, tasks: Sequence[TaskChange]) -> None:
    """Around the tasks whose pass rate surely changed."""
    axes.scatter(
        [t.a.rate for t in tasks], [t.b.rate for t in tasks], s=3.4 * _MARK, facecolors="none",
        edgecolors=INK, linewidths=0.9, zorder=4,
        label=f"surely changed (q < {SURE}): {len(tasks)}",
    )  # fmt: skip


def _listed(axes: Axes, comparison: Comparison) -> None:
    """The names of gained, of lost and, where there is room, of the other most changed tasks."""
    axes.set_axis_off()
    c = comparison
    both = sorted(
        (t for t in c.tasks if t.a.solved and t.b.solved and t.change), key=lambda t: -abs(t.change)
    )
    lines: list[tuple[str, str]] = []
    for title, color, tasks, most in (
        (f"▲ gained: {len(c.gained)}", GREEN, c.gained, _MAX_LISTED),
        (f"▼ lost: {len(c.lost)}", RED, c.lost, _MAX_LISTED),
        (f"● changed otherwise: {len(both)}", BLUE, both, _MAX_LINES),
    ):
        room = min(most, _MAX_LINES - 2 - len(lines))
        if room < 1 or (color == BLUE and not both):
            continue
        lines.append((title, color))
        lines += [(f"{t.task_id}  {_of(t)}", INK) for t in tasks[:room]]
        if len(tasks) > room:
            lines.append((f"… and {len(tasks) - room} more", INK))
        lines.append(("", INK))
    for i, (text, color) in enumerate(lines):
        axes.text(0, 1 - i / _MAX_LINES, text, transform=axes.transAxes, fontsize=8.5, color=color,
                  va="top", fontfamily="monospace")  # fmt: skip


def _of(task: TaskChange) -> str:
    return f"{task.a.solved}/{task.a.samples} → {task.b.solved}/{task.b.samples}"


def _rate_scale(axes: Axes, side: str, samples: int, *, room: bool = False) -> None:
    """From 0 linear to the rate of one sample, then logarithmic; `room` for marks at the ends."""
    one = 1 / max(samples, 2)
    scale, limits = (
        (axes.set_xscale, axes.set_xlim) if side == "x" else (axes.set_yscale, axes.set_ylim)
    )
    scale("symlog", linthresh=one, linscale=0.6)
    limits(-0.35 * one if room else 0, 1.25 if room else 1)
    ticks = [0.0, *(t for t in (1e-4, 1e-3, 0.01, 0.03, 0.1, 0.3, 1.0) if t >= 0.99 * one)]
    axis = axes.xaxis if side == "x" else axes.yaxis
    axis.set_major_locator(FixedLocator(ticks))
    axis.set_major_formatter(_PERCENT)
    axis.set_minor_locator(NullLocator())


def _layout() -> ConstrainedLayoutEngine:
    return ConstrainedLayoutEngine(h_pad=0.09, w_pad=0.09)


def _panel(axes: Axes, title: str) -> None:
    calm(axes)
    axes.set_xlabel("")
    axes.set_title(title, fontsize=10, loc="left", color=INK)


def _legend(figure: Figure, axes: Axes, entries: int, ncols: int = 3) -> None:
    """Above the panel, so that it covers no data; none where there is one unnamed entry."""
    handles, labels = axes.get_legend_handles_labels()
    named = [(h, text) for h, text in zip(handles, labels, strict=True) if text]
    if named and entries:
        legend = figure.legend(
            [h for h, _ in named], [_short(text) for _, text in named], loc="outside upper left",
            ncols=ncols, frameon=False, fontsize=8.5, labelcolor=INK, handlelength=2.6,
        )  # fmt: skip
        for handle in legend.legend_handles:
            if isinstance(handle, PathCollection):
                handle.set_sizes([_MARK])


def _short(name: str, length: int = 32) -> str:
    short = name if len(name) <= length else f"…{name[1 - length :]}"
    return short.replace("$", r"\$")  # no mathematics
