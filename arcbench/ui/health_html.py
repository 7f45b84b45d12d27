"""Pieces on the health of a set-up: findings before a run, servers, checks of them, memory."""

import time
from collections.abc import Mapping, Sequence
from html import escape

from arcbench.folders import RunState
from arcbench.health.preflight import Preflight
from arcbench.health.servers import ServerState
from arcbench.health.sync_check import SyncReport
from arcbench.preflight import PreflightFinding, Severity
from arcbench.training.memory import GB, MemoryPlan
from arcbench.training.memory_advice import verdict
from arcbench.ui import html, runs_html

LOOKS: Mapping[Severity, tuple[str, str]] = {
    Severity.ERROR: ("failed", "✗ error"),
    Severity.WARNING: ("partly", "! warning"),
    Severity.OK: ("solved", "✓ ok"),
}
SERVER_LOOKS = {"up": ("solved", "✓"), "starting": ("partly", "▸"), "stopped": ("wrong", "■")}


def badge(severity: Severity) -> str:
    """Sign, word and colour of a severity."""
    kind, words = LOOKS[severity]
    return f'<span class="ab-badge ab-badge-{kind}">{words}</span>'


def preflight_head(found: Preflight) -> str:
    """How a check stands, or how it came out, in a line."""
    state = found.status.state
    if not state.over:
        return (
            '<div class="ab-run" role="status"><span class="ab-badge ab-badge-partly">'
            '<span aria-hidden="true">▸</span> checking</span>'
            f'<span class="ab-dim">{found.seconds:.0f} s; tokenizer, lengths, memory …</span>'
            "</div>"
        )
    if state is RunState.STOPPED:
        return html.note("The check was cancelled. Check again makes it anew.")
    if not found.done:
        return html.note(f"The check itself failed: {found.status.reason}", "error")
    errors, warnings = len(found.errors), len(found.warnings)
    parts = [
        f'<span class="ab-badge ab-badge-{kind}">{words}</span>'
        for count, kind, words in (
            (errors, "failed", f"✗ {errors} error{'s' * (errors != 1)}"),
            (warnings, "partly", f"! {warnings} warning{'s' * (warnings != 1)}"),
            (not errors and not warnings, "solved", "✓ all well"),
        )
        if count
    ]
    told = "a run would fail, or learn nothing" if errors else "a run can start"
    parts.append(f'<span class="ab-dim">{told}</span>')
    return f'<div class="ab-run" role="status">{"".join(parts)}</div>'


def finding_list(findings: Sequence[PreflightFinding]) -> str:
    """Findings, the worst first, each with what to do."""
    order = list(LOOKS)
    items = "".join(
        f'<li class="ab-finding">{badge(f.severity)}<div><b>{escape(f.name)}</b> '
        f"{escape(f.message)}"
        + (f'<p class="ab-dim">→ {escape(f.advice)}</p>' if f.advice else "")
        + "</div></li>"
        for f in sorted(findings, key=lambda f: order.index(f.severity))
    )
    return f'<ul class="ab-findings" aria-label="findings before the run">{items}</ul>'


def problem_list(problems: Sequence[str]) -> str:
    """What is wrong with a form, one thing a line."""
    items = "".join(
        f'<li class="ab-finding"><span class="ab-badge ab-badge-failed">✗</span>'
        f"<div>{escape(problem)}</div></li>"
        for problem in problems
    )
    return (
        '<div class="ab-run" role="alert"><span class="ab-badge ab-badge-failed">✗ the form</span>'
        '<span class="ab-dim">says something that cannot be</span></div>'
        f'<ul class="ab-findings">{items}</ul>'
    )


def machine(lines: Sequence[str]) -> str:
    """What can run on this machine."""
    items = "".join(f"<li>{escape(line)}</li>" for line in lines)
    return f'<ul class="ab-machine" aria-label="this machine">{items}</ul>'


def server_table(servers: Sequence[ServerState], now: float | None = None) -> str:
    """All servers, each with a button that chooses it."""
    if not servers:
        return html.note(
            "No server was started here. Without one the trainer writes its completions itself; "
            "the plain kind above runs on any machine, vLLM on a GPU."
        )
    now = time.time() if now is None else now
    rows = []
    for server in servers:
        kind, sign = SERVER_LOOKS.get(server.word, ("failed", "!"))
        reason = f'<span class="ab-ellipsis" title="{escape(server.status.reason)}">' + (
            f"{escape(server.status.reason)}</span>"
        )
        cells = (
            f'<button type="button" class="ab-pick" data-run="{escape(server.name)}">'
            f"{escape(server.url)}</button>",
            f'<span class="ab-badge ab-badge-{kind}"><span aria-hidden="true">{sign}</span> '
            f"{server.word}</span>",
            escape(server.kind),
            escape(server.model.rpartition("/")[2]),
            f"{server.status.pid or ''}",
            f'<span class="ab-dim">{runs_html.age(now - server.started)} ago</span>',
            reason,
        )
        rows.append("<tr>" + "".join(f"<td>{cell}</td>" for cell in cells) + "</tr>")
    heads = "".join(
        f'<th scope="col">{head}</th>'
        for head in ("Server", "State", "Kind", "Model", "Process", "Started", "")
    )
    return (
        '<div class="ab-scroll ab-scroll-low"><table class="ab-rows" aria-label="servers"><thead>'
        f"<tr>{heads}</tr></thead><tbody>{''.join(rows)}</tbody></table></div>"
    )


def log(text: str, label: str) -> str:
    """The end of a log; tracebacks are there for who asks."""
    if not text.strip():
        return html.note("Nothing was written yet.")
    return (
        f'<div class="ab-log-box" tabindex="0" role="log" aria-label="{escape(label)}">'
        f'<div class="ab-log">{folded(text)}</div></div>'
    )


def folded(text: str) -> str:
    """A log as HTML, each traceback behind a word that opens it."""
    parts: list[str] = []
    trace: list[str] = []

    def close() -> None:
        if trace:
            inner = escape("\n".join(trace))
            parts.append(
                f'<details class="ab-trace"><summary>traceback, {len(trace)} lines</summary>'
                f"<pre>{inner}</pre></details>"
            )
            trace.clear()

    inside = False
    for line in text.splitlines():
        if line.startswith("Traceback (most recent call last)"):
            inside = True
        elif inside and line and not line[0].isspace() and not _goes_on(line):
            # The error's own line ends a traceback, and belongs to it.
            trace.append(line)
            inside = False
            close()
            continue
        if inside:
            trace.append(line)
        else:
            parts.append(f"<div>{escape(line) or '&nbsp;'}</div>")
    close()
    return "".join(parts)


def _goes_on(line: str) -> bool:
    return line.startswith(("The above exception", "During handling"))


def sync_head(report: SyncReport) -> str:
    """How the check of a server stands, or what came out, in a line."""
    state, server = report.status.state, report.server
    about = f'<span class="ab-dim">{escape(report.url)}, {escape(report.policy)}</span>'
    if not state.over:
        said = escape(report.said[-1]) if report.said else "the model is being loaded here, too"
        return (
            '<div class="ab-run" role="status"><span class="ab-badge ab-badge-partly">'
            f'<span aria-hidden="true">▸</span> checking</span>{about}'
            f'<span class="ab-dim">{report.seconds:.0f} s; {said}</span></div>'
        )
    if server is None:
        reason = report.status.reason or state.value
        return html.note(
            "The check was cancelled." if state is RunState.STOPPED else f"No check: {reason}",
            "empty" if state is RunState.STOPPED else "error",
        )
    kind, words = ("solved", "✓ follows") if server.healthy else ("failed", "✗ does not follow")
    line = (
        f'<div class="ab-run" role="status"><span class="ab-badge ab-badge-{kind}">{words}</span>'
        f'{about}<span class="ab-dim">{server.seconds:.1f} s</span></div>'
    )
    return line if server.healthy else line + html.note(server.problem, "error")


def sync_table(report: SyncReport) -> str:
    """The checks one by one."""
    if report.server is None or not report.server.checks:
        return ""
    stages = ("before", "changed on purpose", "put back")
    rows = []
    for i, check in enumerate(report.server.checks):
        followed = "–" if check.followed is None else f"{check.followed:.0%}"
        healthy = check.verdict.healthy
        mark = "✓" if healthy else "✗"
        cells = (
            stages[i] if i < len(stages) else f"step {i - len(stages) + 1}",
            f"{check.gap:.2g}",
            f"{check.threshold:.2g}",
            followed,
            f'<span class="ab-badge ab-badge-{"solved" if healthy else "failed"}">{mark} '
            f"{check.verdict.value}</span>",
        )
        rows.append("<tr>" + "".join(f"<td>{cell}</td>" for cell in cells) + "</tr>")
    heads = "".join(
        f'<th scope="col">{head}</th>' for head in ("Check", "Gap", "Limit", "Followed", "")
    )
    return (
        '<div class="ab-scroll ab-scroll-low"><table class="ab-rows" aria-label="checks of the '
        f'server"><thead><tr>{heads}</tr></thead><tbody>{"".join(rows)}</tbody></table></div>'
    )


def memory_head(plan: MemoryPlan) -> str:
    """Whether it fits, and what would make it fit."""
    kind, word = ("solved", "✓ fits") if plan.fits else ("failed", "✗ does not fit")
    said = verdict(plan).partition(": ")[2]
    return (
        f'<div class="ab-run" role="status"><span class="ab-badge ab-badge-{kind}">{word}</span>'
        f"<span>{escape(said)}</span></div>"
    )


def memory_table(plan: MemoryPlan) -> str:
    """What stays, and what the largest phase has on top."""
    peak = plan.phases[plan.peak_phase]
    rows = "".join(
        f'<tr><td>{escape(when)}</td><td>{escape(part.name)}</td><td class="ab-right-cell">'
        f'{part.bytes / GB:.2f}</td><td class="ab-dim">{escape(part.note)}</td></tr>'
        for when, parts in (("always", plan.resident), (plan.peak_phase, peak))
        for part in parts
    )
    heads = "".join(f'<th scope="col">{head}</th>' for head in ("When", "What", "GB", ""))
    return (
        '<div class="ab-scroll ab-scroll-low"><table class="ab-rows" aria-label="memory plan">'
        f"<thead><tr>{heads}</tr></thead><tbody>{rows}</tbody></table></div>"
    )
