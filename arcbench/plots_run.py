"""All signals of a run on one page: small panels, a row a kind, with what was found marked."""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from statistics import fmean

from matplotlib.axes import Axes
from matplotlib.figure import Figure
from matplotlib.ticker import LogLocator, MaxNLocator, NullFormatter, PercentFormatter

from arcbench import series
from arcbench.plots import (
    BLUE,
    GREEN,
    INK,
    ORANGE,
    PARTS,
    PURPLE,
    RED,
    SKY,
    Line,
    calm,
    empty,
    points,
)
from arcbench.sandbox.types import Outcome

COLORS = (BLUE, ORANGE, GREEN, RED, PURPLE, SKY)
COLUMNS = 4
MAX_POINTS = 120  # across a panel; of more steps the mean and the range of several are drawn
SEVERITIES = {"info": SKY, "warning": ORANGE, "critical": RED}


@dataclass(frozen=True, kw_only=True, slots=True)
class Mark:
    """Something to point at."""

    step: int
    label: str
    severity: str = "warning"  # a key of SEVERITIES


@dataclass(frozen=True, kw_only=True, slots=True)
class Panel:
    """One chart: metrics by the words that stand for them."""

    title: str
    curves: dict[str, str]  # word → metric
    share: bool = False  # 0 to 1, told in percent
    log: bool = False
    stacked: bool = False
    least: float = 0.0  # shortest range that is drawn, of a log axis in parts; less is rounding


def _outcomes() -> dict[str, str]:
    return {o.value.replace("_", " "): series.OUTCOME.format(o.value) for o in Outcome if not o.ok}


ROWS: dict[str, tuple[Panel, ...]] = {
    "reward": (
        Panel(title="reward", curves={"": series.REWARD_MEAN}),
        Panel(title="parts of the reward", curves={label: n for n, (_, label, _) in PARTS.items()}),
        Panel(title="gain on the same tasks", curves={"": series.REWARD_GAIN}),
        Panel(title="solve rate", curves={"": series.SOLVE_RATE}, share=True),
    ),
    "kept": (  # expert iteration
        Panel(title="rollouts learned from", curves={"": series.KEPT}, share=True),
        Panel(title="tasks learned from", curves={"": series.KEPT_TASKS}),
    ),
    "groups": (
        Panel(
            title="groups",
            curves={
                "without signal": series.GROUP_NO_SIGNAL,
                "all solved": series.GROUP_ALL_SOLVED,
                "none solved": series.GROUP_NONE_SOLVED,
            },
            share=True,
        ),
        Panel(
            title="different in a group",
            curves={
                "programs": series.GROUP_UNIQUE_PROGRAMS,
                "outputs": series.GROUP_UNIQUE_OUTPUTS,
            },
            share=True,
        ),
        Panel(
            title="spread of rewards",
            curves={"in a group": series.GROUP_REWARD_STD, "in a step": series.REWARD_STD},
        ),
    ),
    "programs": (
        Panel(title="programs that fail", curves=_outcomes(), share=True, stacked=True),
        Panel(
            title="failures",
            curves={"no program": series.NO_PROGRAM, "of programs": series.FAILED},
            share=True,
        ),
        Panel(
            title="probability left of what solved",
            curves={"": series.RECALL},
            share=True,
        ),
    ),
    "length": (
        Panel(
            title="completion, tokens",
            curves={
                "mean": series.LENGTH_MEAN,
                "longest": series.LENGTH_MAX,
                "of those that ended": series.LENGTH_ENDED,
                "shortest": series.LENGTH_MIN,
            },
        ),
        Panel(title="spread of lengths, tokens", curves={"": series.LENGTH_STD}),
        Panel(title="cut by the limit", curves={"": series.LENGTH_TRUNCATED}, share=True),
        Panel(title="longest run of a token", curves={"": series.SAME_TOKEN_MAX}),
    ),
    "text": (
        Panel(
            title="different sequences",
            curves={
                "3 tokens": series.UNIQUE_3GRAMS,
                "4 tokens": series.UNIQUE_4GRAMS,
                "4, worst": series.UNIQUE_4GRAMS_MIN,
            },
            share=True,
        ),
        Panel(
            title="in a loop",
            curves={"mean": series.LOOP, "worst": series.LOOP_MAX},
            share=True,
        ),
        Panel(
            title="size after zlib over before",
            curves={"mean": series.COMPRESSION, "worst": series.COMPRESSION_MIN},
        ),
        Panel(
            title="printable",
            curves={"characters": series.PRINTABLE, "garbled completions": series.GARBLED},
            share=True,
        ),
    ),
    "policy": (
        Panel(title="entropy of a token, nats", curves={"": series.ENTROPY}),
        Panel(title="log-probability of a token", curves={"": series.LOGPROB}),
        Panel(
            title="KL of a token, nats",
            curves={"to the start": series.KL, "since sampling": series.KL_SAMPLED},
            least=1e-5,
        ),
        Panel(
            title="clipped",
            curves={"too unlikely": series.CLIPPED_LOW, "too likely": series.CLIPPED_HIGH},
            share=True,
        ),
    ),
    "update": (
        Panel(title="norm of the gradient", curves={"": series.GRAD_NORM}, log=True),
        Panel(title="loss", curves={"": series.LOSS}),
        Panel(title="learning rate", curves={"": series.LEARNING_RATE}),
        Panel(
            title="learning / sampling policy",
            curves={
                "mean": series.UPDATE_RATIO_MEAN,
                "largest": series.UPDATE_RATIO_MAX,
                "smallest": series.UPDATE_RATIO_MIN,
            },
            log=True,
            least=0.1,
        ),
    ),
    "sync": (
        Panel(
            title="trainer − engine, nats",
            curves={
                "sampled, mean": series.SAMPLED_GAP,
                "largest": series.SAMPLED_GAP_MAX,
                "probes": series.SYNC_GAP,
            },
            log=True,
        ),
        Panel(
            title="trainer / engine",
            curves={
                "mean": series.RATIO_MEAN,
                "largest": series.RATIO_MAX,
                "smallest": series.RATIO_MIN,
            },
            log=True,
            least=0.1,
        ),
        Panel(
            title="effective sample size",
            curves={
                "tokens": series.RATIO_ESS,
                "completions": series.RATIO_ESS_SEQUENCE,
                "of the update": series.UPDATE_RATIO_ESS,
            },
            share=True,
        ),
    ),
    "machine": (
        Panel(
            title="seconds of a step",
            curves={
                "sampling": series.SECONDS_SAMPLING,
                "judging": series.SECONDS_REWARD,
                "scoring": series.SECONDS_SCORING,
                "update": series.SECONDS_UPDATE,
            },
            stacked=True,
        ),
        Panel(
            title="memory, GB",
            curves={
                "trainer": series.RSS_GB,
                "what it started": series.CHILDREN_GB,
                "still free": series.AVAILABLE_GB,
            },
        ),
        Panel(
            title="GPU memory, GB",
            curves={
                "peak": series.GPU_PEAK_GB,
                "tensors": series.GPU_ALLOCATED_GB,
                "reserved": series.GPU_RESERVED_GB,
            },
        ),
        Panel(
            title="processes, open files",
            curves={"processes": series.PROCESSES, "open files": series.OPEN_FILES},
        ),
    ),
}


def run_page(metrics: Sequence[Line], marks: Sequence[Mark] = (), *, title: str = "") -> Figure:
    """All signals that the lines of metrics.jsonl have; panels of others are left out.

    `marks` are drawn as vertical lines through all panels, and told below in the order of their
    steps. Of more than `MAX_POINTS` steps, means of several are drawn over their range.
    """
    rows = {kind: [p for p in row if recorded(p, metrics)] for kind, row in ROWS.items()}
    rows = {kind: row for kind, row in rows.items() if row}
    marks = sorted(marks, key=lambda m: m.step)
    height = 0.4 + 1.72 * max(1, len(rows)) + 0.19 * len(marks)
    figure = Figure(figsize=(13, height), layout="constrained")
    if title:
        figure.suptitle(title, fontsize=12, x=0.01, ha="left", color=INK)
    if not rows:
        axes = figure.subplots()
        calm(axes)
        empty(axes, "no step yet")
        return figure
    grid = figure.subplots(len(rows), COLUMNS, squeeze=False)
    steps = [m["step"] for m in metrics if m["step"] is not None]
    for i, (kind, row) in enumerate(rows.items()):
        for axes, panel in zip(grid[i], row, strict=False):
            _draw(axes, panel, metrics)
            axes.set_xlim(min(steps) - 0.5, max(steps) + 0.5)
            for mark in marks:
                axes.axvline(mark.step, color=SEVERITIES[mark.severity], lw=1.1, alpha=0.8)
            if i < len(rows) - 1:
                axes.set_xlabel("")
        for axes in grid[i][len(row) :]:
            axes.set_visible(False)
        grid[i][0].set_ylabel(kind, fontsize=10.5, fontweight="bold", color=INK, labelpad=8)
    figure.align_ylabels(grid[:, 0])
    for n, mark in enumerate(reversed(marks)):
        figure.text(
            0.012, 0.19 * (n + 0.35) / height, f"▍step {mark.step}: {mark.label}",
            fontsize=9, color=SEVERITIES[mark.severity], va="bottom",
        )  # fmt: skip
    below = 0.19 * len(marks) / height
    figure.get_layout_engine().set(rect=(0, below, 1, 1 - below), h_pad=0.03, hspace=0.02)  # type: ignore[union-attr, call-arg]
    return figure


def draw_panel(
    axes: Axes, panel: Panel, metrics: Sequence[Line], marks: Sequence[Mark] = ()
) -> None:
    """One panel into axes of somebody else, with the marks' labels at their lines."""
    _draw(axes, panel, metrics)
    steps = [m["step"] for m in metrics if m["step"] is not None] or [0.0]
    axes.set_xlim(min(steps) - 0.5, max(steps) + 0.5)
    near = 0.05 * (max(steps) - min(steps) + 1)
    for i, mark in enumerate(marks):
        color = SEVERITIES[mark.severity]
        axes.axvline(mark.step, color=color, lw=1.4, alpha=0.8)
        beside = sum(abs(other.step - mark.step) <= near for other in marks[:i])
        axes.text(
            mark.step, 0.99 - 0.11 * beside, f" {mark.label} ", fontsize=8, fontweight="bold",
            va="top", color=color, transform=axes.get_xaxis_transform(), parse_math=False,
        )  # fmt: skip


def recorded(panel: Panel, metrics: Sequence[Line]) -> bool:
    """Whether the lines have any of the panel's metrics."""
    return any(m.get(name) is not None for m in metrics for name in panel.curves.values())


def _draw(axes: Axes, panel: Panel, metrics: Sequence[Line]) -> None:
    calm(axes)
    axes.tick_params(labelsize=7.5)
    if panel.stacked:
        _stack(axes, panel, metrics)
    else:
        for (word, name), color in zip(panel.curves.items(), COLORS, strict=False):
            xs, ys = points(metrics, name)
            if panel.log:
                xs, ys = _above_zero(xs, ys)
            # Beside others a line along the bottom only hides them.
            if xs and (any(ys) or len(panel.curves) == 1):
                _curve(axes, xs, ys, color, word)
        if not axes.lines:
            empty(axes, "all 0")
            _name(axes, panel)
            return
    axes.xaxis.set_major_locator(MaxNLocator(integer=True, nbins=5, min_n_ticks=1))
    low, high = axes.get_ylim()
    if panel.log:
        _log(axes, panel.least)
    elif panel.share:
        axes.yaxis.set_major_formatter(PercentFormatter(1.0))
        low, high = _at_least(low, high, 0.1)
        axes.set_ylim(max(low, -0.02), min(high, 1.02))
    else:
        axes.yaxis.set_major_formatter(lambda y, _: f"{y:g}")
        axes.set_ylim(_at_least(low, high, panel.least))
    _name(axes, panel)


def _at_least(low: float, high: float, least: float) -> tuple[float, float]:
    """The range, made wider at both ends if it is shorter than that."""
    more = max(0.0, least - (high - low)) / 2
    return low - more, high + more


def _log(axes: Axes, least: float) -> None:
    """A logarithmic axis with a handful of plain numbers."""
    axes.set_yscale("log")
    low, high = axes.get_ylim()
    if high < (1 + least) * low:
        low, high = axes.set_ylim(low / (1 + least), high * (1 + least))
    subs = (1.0,) if high > 100 * low else (1.0, 2.0, 5.0)
    axes.yaxis.set_major_locator(LogLocator(subs=subs, numticks=6))
    axes.yaxis.set_major_formatter(lambda y, _: f"{y:g}")
    axes.yaxis.set_minor_formatter(NullFormatter())


def _curve(axes: Axes, xs: list[float], ys: list[float], color: str, word: str) -> None:
    """The values, or, of many steps, means of several over their range."""
    if len(xs) <= MAX_POINTS:
        marker = "o" if len(xs) == 1 else None
        axes.plot(xs, ys, color=color, lw=1.3, label=word, marker=marker)
        return
    parts = list(_parts(xs, ys))
    middle = [fmean(x) for x, _ in parts]
    low, high = [min(y) for _, y in parts], [max(y) for _, y in parts]
    axes.fill_between(middle, low, high, color=color, alpha=0.18, lw=0)
    axes.plot(middle, [fmean(y) for _, y in parts], color=color, lw=1.3, label=word)


def _parts(xs: list[float], ys: list[float]) -> Iterator[tuple[list[float], list[float]]]:
    """At most `MAX_POINTS` runs of neighbours, all of one size but the last."""
    size = -(-len(xs) // MAX_POINTS)
    for first in range(0, len(xs), size):
        yield xs[first : first + size], ys[first : first + size]


def _stack(axes: Axes, panel: Panel, metrics: Sequence[Line]) -> None:
    """Values on top of each other, of the steps that have one of them; nothing of only zeros."""
    lines = [m for m in metrics if any(m.get(n) is not None for n in panel.curves.values())]
    parts = list(
        _parts([float(m["step"] or 0) for m in lines], [float(i) for i in range(len(lines))])
    )
    words, values = [], []
    for word, name in panel.curves.items():
        means = [fmean(lines[int(i)].get(name) or 0.0 for i in rows) for _, rows in parts]
        if any(means):
            words.append(word)
            values.append(means)
    if not values:
        empty(axes, "none")
        return
    colors = [COLORS[i % len(COLORS)] for i in range(len(values))]
    middle = [fmean(x) for x, _ in parts]
    if len(middle) == 1:  # an area needs two ends
        middle, values = [middle[0] - 0.4, middle[0] + 0.4], [2 * v for v in values]
    axes.stackplot(middle, values, labels=words, colors=colors, alpha=0.75)


def _above_zero(xs: list[float], ys: list[float]) -> tuple[list[float], list[float]]:
    kept = [(x, y) for x, y in zip(xs, ys, strict=True) if y > 0]
    return [x for x, _ in kept], [y for _, y in kept]


def _name(axes: Axes, panel: Panel) -> None:
    """The title, and behind it the words of the curves in their colours."""
    axes.set_title(panel.title, fontsize=9, loc="left", color=INK, pad=14)
    handles, words = axes.get_legend_handles_labels()
    if len(words) > 1 or (words and words[0]):
        axes.legend(
            handles, words, fontsize=7, frameon=False, labelcolor=INK, ncols=4,
            loc="lower left", bbox_to_anchor=(-0.03, 0.97), borderaxespad=0.1, handlelength=1.0,
            handletextpad=0.4, columnspacing=0.8,
        )  # fmt: skip
