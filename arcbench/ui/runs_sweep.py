"""The inner tab "Sweep" of the tab Runs: which values learn, as a chart and as a table."""

from html import escape
from pathlib import Path
from typing import Any

from arcbench.errors import UserError
from arcbench.training.sweep import SweepFolder
from arcbench.training.sweep_results import SweepResults, ValueResult, collect
from arcbench.training.sweep_verdict import Verdict
from arcbench.ui import html
from arcbench.ui.events import LOOK, noted
from arcbench.workbench import Workbench

VIEW = "sweep"  # the name of the inner tab in addresses
NO_SWEEP = (
    "No sweep yet. arcbench sweep --lr 1e-6 1e-5 1e-4 1e-3 trains with each of these learning "
    "rates; its chart and verdicts appear here, also while it goes on."
)
# The signs are those of the chart's marks.
SIGNS = {
    Verdict.FLAT: ("■", "wrong"),
    Verdict.LEARNING: ("▲", "solved"),
    Verdict.UNSTABLE: ("◆", "partly"),
    Verdict.DESTROYED: ("✖", "failed"),
    Verdict.UNDECIDED: ("●", "wrong"),
}


def sweeps(bench: Workbench) -> list[str]:
    """The names of all sweeps among the runs, the newest first."""
    found = sorted(
        bench.runs_root.glob("*/sweep.json"), key=lambda p: p.stat().st_mtime, reverse=True
    )
    return [plan.parent.name for plan in found]


def shown(bench: Workbench, name: str | None) -> str:
    """The chart of a sweep and the verdict on each value. UserError where there is none."""
    from arcbench import plots
    from arcbench.plots_sweep import sweep_chart

    known = sweeps(bench)
    if not known:
        return html.note(NO_SWEEP)
    if not name:
        return html.note("Choose a sweep above.")
    if name not in known:
        raise UserError(
            f"no sweep {name!r} in {bench.runs_root}; there are: {', '.join(known[:8])}"
        )
    folder = SweepFolder.open(Path(bench.runs_root) / name)
    results = collect(folder, folder.plan())
    chart = plots.figure_svg(sweep_chart(results), f"chart of sweep {name}")
    return f'{table(results)}<div class="ab-charts">{chart}</div>'


def table(results: SweepResults) -> str:
    """A line for each value: its verdict with the reason, and where reward and solve rate went."""
    names = [axis.name for axis in results.plan.axes]
    heads = "".join(
        f'<th scope="col">{escape(head)}</th>'
        for head in (*names, "Verdict", "Reward", "Solved", "Runs", "Why")
    )
    rows = "".join(_row(value) for value in results.values)
    return (
        f'<div class="ab-scroll"><table class="ab-rows" aria-label="sweep"><thead><tr>{heads}'
        f"</tr></thead><tbody>{rows}</tbody></table></div>"
    )


def _row(value: ValueResult) -> str:
    sign, kind = SIGNS[value.verdict]
    done = sum(run.state == "finished" for run in value.runs)
    cells = (
        *(f"<code>{escape(v)}</code>" for v in value.values),
        f'<span class="ab-badge ab-badge-{kind}"><span aria-hidden="true">{sign}</span> '
        f"{value.verdict.value}</span>",
        _change(value.reward_first, value.reward_last, "{:.2f}"),
        _change(value.solve_first, value.solve_last, "{:.0%}"),
        f"{done} of {len(value.runs)}",
        f'<span class="ab-dim ab-why">{escape(value.evidence)}</span>',
    )
    return "<tr>" + "".join(f"<td>{cell}</td>" for cell in cells) + "</tr>"


def _change(first: float | None, last: float | None, form: str) -> str:
    if first is None or last is None:
        return ""
    return f"{form.format(first)} → {form.format(last)}"


def build(bench: Workbench, view: Any) -> None:
    """Lay out the inner tab; `view` is the one in sight."""
    import gradio as gr

    sweep = gr.Dropdown([], label="Sweep", min_width=240, elem_id="ab-sweep")
    drawn = gr.HTML(html.note(NO_SWEEP), elem_id="ab-sweep-chart")

    def look(seen: str, current: str | None) -> Any:
        if seen != VIEW:
            return gr.skip(), gr.skip()
        names = sweeps(bench)
        chosen = current if current in names else next(iter(names), None)
        text = noted(shown, bench, chosen)
        return gr.Dropdown(names, value=chosen), text

    view.change(look, [view, sweep], [sweep, drawn], **LOOK)
    sweep.input(lambda name: noted(shown, bench, name), sweep, drawn, **LOOK)
