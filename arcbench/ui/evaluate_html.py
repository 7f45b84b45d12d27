"""Pieces of the tab "Evaluate": the table of evaluations, figures, comparisons."""

from collections.abc import Sequence
from dataclasses import dataclass
from html import escape

from arcbench.evaluation import Results
from arcbench.evaluation.compare import Comparison, TaskChange
from arcbench.evaluation.config import EvalConfig
from arcbench.evaluation.store import EvalStatus
from arcbench.ui import html
from arcbench.ui.runs_html import age, state_badge

MOST_TASKS = 40  # named on each side of a comparison


@dataclass(frozen=True, kw_only=True, slots=True)
class EvalLine:
    """What the table says of an evaluation."""

    name: str
    status: EvalStatus
    config: EvalConfig | None  # None: of another version
    created: float  # seconds since the epoch
    results: Results | None = None


def evaluation_table(lines: Sequence[EvalLine], now: float) -> str:
    """All evaluations, each with a button that chooses it."""
    if not lines:
        return html.note(
            "No evaluation yet. Choose a policy and press Evaluate: its samples are judged as they "
            "come, and its figures appear here."
        )
    heads = "".join(
        f'<th scope="col">{head}</th>'
        for head in ("Evaluation", "State", "Policy", "Tasks", "Samples", "Pass rate", "", "Begun")
    )
    rows = "".join(_row(line, now) for line in lines)
    return (
        f'<div class="ab-scroll"><table class="ab-rows" aria-label="evaluations"><thead><tr>{heads}'
        f"</tr></thead><tbody>{rows}</tbody></table></div>"
    )


def _row(line: EvalLine, now: float) -> str:
    s, config, results = line.status, line.config, line.results
    done = f"{s.done:,}" + (f" / {s.total:,}" if s.total else "")
    if not s.state.over and s.eta_s is not None:
        done += f' <span class="ab-dim">{age(s.eta_s)} left</span>'
    policy, data = ("", "settings of another version") if config is None else _about(config)
    rate = "" if results is None else _percent(results.total()["pass_rate"])
    best = "" if results is None or not results.pass_at_k else _pass_at_k(results)
    cells = (
        f'<button type="button" class="ab-pick" data-run="{escape(line.name)}">'
        f"{escape(line.name)}</button>",
        state_badge(s),
        escape(policy),
        escape(data),
        done,
        rate,
        f'<span class="ab-dim">{best}</span>',
        f'<span class="ab-dim">{age(now - line.created)} ago</span>',
    )
    inner = "".join(f"<td>{cell}</td>" for cell in cells)
    return f'<tr data-run="{escape(line.name)}">{inner}</tr>'


def _about(config: EvalConfig) -> tuple[str, str]:
    """Which policy, on what."""
    views = f", {config.views} views" if config.views > 1 else ""
    count = f"{len(config.tasks)} of " if config.tasks else ""
    return config.policy_name, f"{count}{config.data_name}{views}"


def _pass_at_k(results: Results) -> str:
    last = results.pass_at_k[-1]
    return f"pass@{last.k} {last.value:.1%}"


def _percent(value: float | None) -> str:
    return "" if value is None else f"{value:.1%}"


def figures(results: Results) -> str:
    """The totals, and pass@k with its intervals."""
    rows = "".join(
        f'<tr><th scope="row">{_words(name)}</th><td>{_figure(name, value)}</td></tr>'
        for name, value in results.total().items()
        if value is not None
    )
    rows += "".join(
        f'<tr><th scope="row">pass@{p.k}</th><td>{p.value:.1%} '
        f'<span class="ab-dim">{p.low:.1%}–{p.high:.1%}</span></td></tr>'
        for p in results.pass_at_k
    )
    notes = "".join(html.note(text, "warning") for text in results.warnings)
    return (
        f'{notes}<table class="ab-figures" aria-label="figures"><tbody>{rows}</tbody></table>'
        f'<p class="ab-dim ab-count">{results.samples:,} samples of {len(results.tasks):,} tasks; '
        "intervals of 95 %.</p>"
    )


def _words(name: str) -> str:
    return escape(name.replace("_", " "))


def _figure(name: str, value: float) -> str:
    return f"{value:,.1f}" if _words(name) in ("n preds", "mean tokens") else f"{value:.1%}"


def comparison(found: Comparison) -> str:
    """The verdict, all differences, and the tasks gained and lost."""
    rows = "".join(
        f'<tr><th scope="row">{_words(d.name)}</th><td>{_figure(d.name, d.a)}</td>'
        f"<td>{_figure(d.name, d.b)}</td>"
        f"<td>{_interval(d.low, d.high)}</td></tr>"
        for d in found.differences
    )
    notes = "".join(html.note(text, "warning") for text in found.warnings)
    settings = "".join(
        f"<li>{escape(s.name)}: {escape(str(s.a))} → {escape(str(s.b))}</li>"
        for s in found.settings
    )
    return (
        f'<p class="ab-verdict" role="status"><b>{escape(found.a)} → {escape(found.b)}</b>, '
        f"{len(found.tasks)} tasks: {escape(found.verdict)}</p>{notes}"
        '<table class="ab-figures" aria-label="differences"><thead><tr><th scope="col"></th>'
        f'<th scope="col">{escape(found.a)}</th><th scope="col">{escape(found.b)}</th>'
        f'<th scope="col">change, 95 %</th></tr></thead><tbody>{rows}</tbody></table>'
        f"{_changes('▲ Gained', found.gained)}{_changes('▼ Lost', found.lost)}"
        + (f"<h4>Settings that differ</h4><ul>{settings}</ul>" if settings else "")
    )


def _interval(low: float | None, high: float | None) -> str:
    if low is None or high is None:
        return '<span class="ab-dim">–</span>'
    return f"{100 * low:+.1f} to {100 * high:+.1f}".replace("-", "−")


def _changes(title: str, tasks: Sequence[TaskChange]) -> str:
    if not tasks:
        return f"<h4>{title}: none</h4>"
    more = f", and {len(tasks) - MOST_TASKS} more" if len(tasks) > MOST_TASKS else ""
    named = ", ".join(
        f'<span class="ab-id">{escape(t.task_id)}</span> {100 * t.change:+.0f}'.replace("-", "−")
        for t in tasks[:MOST_TASKS]
    )
    return f"<h4>{title}: {len(tasks)}</h4><p>{named}{more}</p>"
