"""The essence of a report as one picture, to paste where people talk."""

import textwrap
from collections.abc import Sequence
from io import BytesIO
from pathlib import Path
from typing import TYPE_CHECKING

from arcbench.files import replacing
from arcbench.report.content import Report
from arcbench.report.facts import Comparison
from arcbench.report.page import SEVERITIES, headline, summary

if TYPE_CHECKING:
    from matplotlib.axes import Axes
    from matplotlib.figure import Figure

WIDTH_PX = 1600
DPI = 125
PANELS = ("reward", "solve rate", "completion, tokens", "entropy of a token, nats")
INK, GREY = "#18181b", "#5b5b66"
KINDS = {"solved": "#00735a", "partly": "#8a5a00", "failed": "#a33c00", "wrong": "#52525b"}
MOST_FINDINGS = 4
MOST_ROWS = 8


def picture(report: Report) -> bytes:
    """A PNG of `WIDTH_PX`: verdict, curves with the findings, figures before and after."""
    buffer = BytesIO()
    figure(report).savefig(buffer, format="png", dpi=DPI, facecolor="white")
    return buffer.getvalue()


def write_picture(report: Report, path: Path) -> None:
    """The picture as a file, whole or not at all."""
    with replacing(path) as partial:
        partial.write_bytes(picture(report))


def figure(report: Report) -> "Figure":
    """The picture as a Figure."""
    from matplotlib.figure import Figure

    made = Figure(figsize=(WIDTH_PX / DPI, 6.5))
    _title(made, report)
    _curves(made, report)
    _figures(made.add_axes((0.045, 0.055, 0.4, 0.31)), report)
    _findings(made.add_axes((0.475, 0.055, 0.5, 0.31)), report)
    return made


def _title(made: "Figure", report: Report) -> None:
    kind, sign, words = headline(report)
    facts = dict(report.facts)
    what = " · ".join(facts[n] for n in ("Model", "Data", "Algorithm") if n in facts)
    name = f"{report.name} ({report.status.state.value})"
    reason = f": {report.status.reason}" if report.status.reason else ""
    lines = (
        (0.955, 15, "bold", INK, textwrap.shorten(name + reason, 110, placeholder="…")),
        (0.915, 9.5, "normal", GREY, textwrap.shorten(what, 170, placeholder="…")),
        (0.868, 13, "bold", KINDS[kind], f"{sign} {words}"),
        (0.832, 9.5, "normal", INK, textwrap.shorten(summary(report)[0], 170, placeholder="…")),
    )
    for y, size, weight, color, text in lines:
        made.text(
            0.02, y, text, fontsize=size, fontweight=weight, color=color, va="center",
            parse_math=False,
        )  # fmt: skip


def _curves(made: "Figure", report: Report) -> None:
    from arcbench.plots import calm, empty
    from arcbench.plots_run import ROWS, Mark, draw_panel, recorded

    panels = {p.title: p for row in ROWS.values() for p in row}
    marks = [
        Mark(step=f.first_step, label=str(i), severity=f.severity.word)
        for i, (f, *_) in enumerate(report.kinds, start=1)
    ]
    for i, title in enumerate(PANELS):
        axes = made.add_axes((0.045 + 0.242 * i, 0.47, 0.205, 0.26))
        if recorded(panels[title], report.metrics):
            draw_panel(axes, panels[title], report.metrics, marks)
        else:
            calm(axes)
            axes.set_title(title, fontsize=9, loc="left", color=INK, pad=14)
            empty(axes, "not recorded" if report.metrics else "no step yet")


def _blank(axes: "Axes", title: str) -> None:
    axes.set_axis_off()
    axes.set_xlim(0, 1)
    axes.set_ylim(0, 1)
    axes.text(0, 1, title, fontsize=10.5, fontweight="bold", color=INK, va="top")


def _figures(axes: "Axes", report: Report) -> None:
    measured = bool(report.measured and report.measured[0].last is not None)
    rows: Sequence[Comparison] = report.measured if measured else report.compared
    when = ("before", "after") if measured else ("first steps", "last steps")
    _blank(axes, "Measured before and after" if measured else "In training")
    if not rows:
        axes.text(0, 0.8, "no figures", fontsize=9.5, color=GREY, va="top")
        return
    for x, head in zip((0.62, 0.84, 1.0), (*when, "change"), strict=True):
        axes.text(x, 0.86, head, fontsize=9, color=GREY, ha="right", va="center")
    for i, c in enumerate(rows[:MOST_ROWS]):
        y = 0.75 - 0.103 * i
        axes.text(0, y, c.name, fontsize=9.5, color=INK, va="center", parse_math=False)
        cells = (c.told(c.first, c.first_spread), c.told(c.last, c.last_spread), c.change)
        for x, cell in zip((0.62, 0.84, 1.0), cells, strict=True):
            axes.text(x, y, cell, fontsize=9.5, color=INK, ha="right", va="center")
        axes.axhline(y - 0.052, color="#dcdce2", lw=0.7)


def _findings(axes: "Axes", report: Report) -> None:
    _blank(axes, "What was found")
    if not report.findings:
        steps = len(report.metrics)
        axes.text(0, 0.86, f"✓ nothing in {steps:,} steps", fontsize=9.5, color=GREY, va="center")
        return
    y = 0.86
    for i, (f, *_) in enumerate(report.kinds[:MOST_FINDINGS], start=1):
        kind, sign = SEVERITIES[f.severity]
        over = "" if f.over_step is None else f", over at {f.over_step}"
        head = f"{i}. {sign} {f.severity.word}: {f.kind.value}, since step {f.first_step}{over}"
        axes.text(0, y, head, fontsize=9.5, fontweight="bold", color=KINDS[kind], va="center")
        line = textwrap.shorten(f.evidence, 100, placeholder="…")
        axes.text(0.02, y - 0.09, line, fontsize=9, color=INK, va="center", parse_math=False)
        y -= 0.205
    left = len(report.kinds) - MOST_FINDINGS
    if left > 0:
        axes.text(0, y, f"and {left} more", fontsize=9, color=GREY, va="center")
