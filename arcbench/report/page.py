"""A report as one HTML page that needs nothing else: no script, no request, dark and light."""

import time
from collections.abc import Iterable, Sequence
from html import escape

from arcbench.diagnostics import Finding, Severity
from arcbench.report.content import Report
from arcbench.report.facts import VERDICTS, Comparison, edge, signed
from arcbench.report.page_rollouts import completions, extremes
from arcbench.report.sheet import sheet
from arcbench.training.sweep_verdict import Verdict
from arcbench.ui import html, runs_html

# Completions are anybody's text: should an escape be missing somewhere, nothing runs and nothing
# is asked for.
POLICY = (
    "default-src 'none'; style-src 'unsafe-inline'; img-src data:; base-uri 'none'; "
    "form-action 'none'"
)
SEVERITIES = {  # kind for the style, sign
    Severity.INFO: ("wrong", "i"),
    Severity.WARNING: ("partly", "!"),
    Severity.CRITICAL: ("failed", "✗"),
}
FIRST_PANELS = (
    "reward", "solve rate", "groups", "completion, tokens", "entropy of a token, nats",
    "failures", "different sequences", "in a loop", "norm of the gradient",
)  # fmt: skip
PANEL_INCHES = (4.4, 2.2)
PANEL_RECT = (0.115, 0.2, 0.865, 0.62)
MOST_AGAIN = 8  # findings of a kind told beside the first


def page(report: Report) -> str:
    """The whole document."""
    title = escape(f"{report.name}: report of a run")
    return (
        '<!doctype html>\n<html lang="en"><head><meta charset="utf-8">'
        f'<meta http-equiv="Content-Security-Policy" content="{POLICY}">'
        '<meta name="viewport" content="width=device-width, initial-scale=1">'
        f"<title>{title}</title><style>{sheet()}</style></head>"
        f"<body><main>{pieces(report)}</main></body></html>\n"
    )


def pieces(report: Report) -> str:
    """What stands in the document, from the verdict to the settings."""
    return "".join(
        (
            _head(report),
            _learned(report),
            _found(report),
            _curves(report),
            extremes(report),
            completions(report),
            _settings(report),
            _foot(report),
        )
    )


def headline(report: Report) -> tuple[str, str, str]:
    """The verdict in a line: kind for the style, sign, words."""
    kind, sign, words = VERDICTS[report.judged.verdict]
    if not report.metrics:
        words = "No step was done" if not report.live else "No step is done yet"
    elif report.live and report.judged.verdict is not Verdict.UNDECIDED:
        words += " so far"
    if any(f.holds and f.severity is Severity.CRITICAL for f in report.findings):
        if report.judged.verdict is Verdict.LEARNING:
            return "partly", "!", f"{words}, but see what was found"
        return "failed", "✗", words
    return kind, sign, words


def summary(report: Report) -> list[str]:
    """The verdict's figures and the worst finding, a sentence each."""
    told = []
    j = report.judged
    if j.first is not None and j.last is not None and j.begin:
        told.append(
            f"Reward {signed(f'{j.first:.2f}')} in the first {_steps(j.begin)}, "
            f"{signed(f'{j.last:.2f}')} in the last {_steps(j.end)}: {j.evidence}."
        )
    for c in report.measured:
        if c.name == "pass rate" and c.last is not None:
            told.append(
                f"Pass rate {c.told(c.first)} before training, {c.told(c.last)} after it "
                f"({report.measured_how})."
            )
    told.append(_findings_line(report.findings))
    return told


def _steps(count: int) -> str:
    return "step" if count == 1 else f"{count} steps"


def _findings_line(findings: Sequence[Finding]) -> str:
    if not findings:
        return "Nothing was found."
    counts = [
        f"{n} {severity.word}{'s' if n > 1 and severity is Severity.WARNING else ''}"
        for severity in sorted(Severity, reverse=True)
        if (n := sum(f.severity is severity for f in findings))
    ]
    first = findings[0]
    which = "" if len(findings) == 1 else ", the worst"
    over = "" if first.holds else f", over at step {first.over_step}"
    return (
        f"Found: {', '.join(counts)}{which}: {first.kind.value} since step "
        f"{first.first_step:,}{over}: {first.evidence}."
    )


def _head(report: Report) -> str:
    kind, sign, words = headline(report)
    reason = report.status.reason
    why = f"<p><b>Why it ended:</b> {escape(reason)}</p>" if reason else ""
    if report.live and report.status.phase:
        why += f'<p class="ab-dim">Now: {escape(report.status.phase)}</p>'
    facts = "".join(
        f"<div><dt>{escape(name)}</dt><dd>{escape(text)}</dd></div>" for name, text in report.facts
    )
    log = (
        f'<details><summary>The end of its log</summary><pre class="ab-log">{escape(report.log)}'
        "</pre></details>"
        if report.log
        else ""
    )
    notes = "".join(html.note(text, "warning") for text in report.notes)
    lines = "".join(f"<p>{escape(line)}</p>" for line in summary(report))
    return (
        f'<header><div class="rp-head"><h1>{escape(report.name)}</h1>'
        f"{runs_html.state_badge(report.status)}</div>{why}{notes}"
        f'<div class="rp-verdict rp-{kind}"><b><span aria-hidden="true">{sign}</span> {words}</b>'
        f'{lines}</div><dl class="rp-facts">{facts}</dl>{log}</header>'
    )


def _learned(report: Report) -> str:
    if not report.metrics:
        return ""
    count = edge(sum(m.get("reward/mean") is not None for m in report.metrics))
    parts = [
        _table(
            f"In training, mean of the first and the last {_steps(count)}",
            ("first", "last"),
            report.compared,
            "± is the standard deviation of the rewards within a step.",
        )
        if report.compared
        else ""
    ]
    if report.measured:
        parts.append(
            _table(
                f"Measured before and after, {report.measured_how}",
                ("before", "after"),
                report.measured,
            )
        )
    tables = "".join(f"<div>{part}</div>" for part in parts if part)
    return f'<section><h2>Did it learn?</h2><div class="rp-two">{tables}</div></section>'


def _table(title: str, when: tuple[str, str], rows: Iterable[Comparison], below: str = "") -> str:
    heads = "".join(f'<th scope="col">{escape(head)}</th>' for head in ("", *when, "change"))
    body = "".join(
        f'<tr><th scope="row">{escape(c.name)}</th><td>{c.told(c.first, c.first_spread)}</td>'
        f"<td>{c.told(c.last, c.last_spread)}</td><td>{c.change}</td></tr>"
        for c in rows
    )
    note = f'<p class="ab-dim ab-legend">{escape(below)}</p>' if below else ""
    return (
        f'<h3>{escape(title)}</h3><div class="rp-scroll"><table class="rp-table" '
        f'aria-label="{escape(title)}"><thead><tr>{heads}'
        f"</tr></thead><tbody>{body}</tbody></table></div>{note}"
    )


def _found(report: Report) -> str:
    steps = len(report.metrics)
    if report.findings:
        shown = "".join(_finding(i, same) for i, same in enumerate(report.kinds, start=1))
    else:
        few = " A collapse may need more steps to show." if steps < 20 else ""
        shown = html.note(f"✓ Nothing was found in {_number(steps, 'step')}.{few}")
    back = "".join(f"<li>{escape(sentence)}</li>" for sentence in report.rewinds)
    rewinds = f"<h3>The run went back</h3><ul>{back}</ul>" if back else ""
    return f"<section><h2>What was found</h2>{shown}{rewinds}</section>"


def _number(count: int, what: str) -> str:
    return f"{count:,} {what}{'' if count == 1 else 's'}"


def _finding(number: int, same: Sequence[Finding]) -> str:
    """All findings of one kind: one in full, and when it was found again."""
    f = same[0]
    kind, sign = SEVERITIES[f.severity]
    over = "" if f.over_step is None else f", over at step {f.over_step:,}"
    lists = "".join(
        f"<div><h4>{title}</h4><ol>{''.join(f'<li>{escape(x)}</li>' for x in lines)}</ol></div>"
        for title, lines in (("Likely causes", f.causes), ("What to try", f.advice))
        if lines
    )
    again = ", ".join(_stretch(other) for other in same[1 : 1 + MOST_AGAIN])
    if len(same) > 1 + MOST_AGAIN:
        again += f" and {len(same) - 1 - MOST_AGAIN:,} times more"
    also = f"<p>Also: {again}.</p>" if again else ""
    return (
        f'<article class="rp-finding rp-{kind}"><h3>{number}. '
        f'<span class="ab-badge ab-badge-{kind}"><span aria-hidden="true">{sign}</span> '
        f"{f.severity.word}</span> {escape(f.kind.value)} "
        f'<span class="ab-dim">since step {f.first_step:,}, found at step {f.found_step:,}{over}'
        f"</span></h3><p>{escape(f.evidence)} "
        f'<span class="ab-id">{escape(f.signal)}</span></p>{also}<div class="rp-two">{lists}</div>'
        f'<p class="ab-dim ab-legend">Rule: {escape(f.source)}</p></article>'
    )


def _stretch(f: Finding) -> str:
    end = "" if f.over_step is None else f" to {f.over_step:,}"
    return f"{f.severity.word} from step {f.first_step:,}{end}"


def _curves(report: Report) -> str:
    from matplotlib.figure import Figure

    from arcbench.plots import figure_svg
    from arcbench.plots_run import ROWS, Mark, draw_panel, recorded, run_page

    if not report.metrics:
        return ""
    found = [same[0] for same in report.kinds]
    numbered = [
        Mark(step=f.first_step, label=str(i), severity=f.severity.word)
        for i, f in enumerate(found, start=1)
    ]
    panels = {p.title: p for row in ROWS.values() for p in row if recorded(p, report.metrics)}
    small = []
    for title in (t for t in FIRST_PANELS if t in panels):
        figure = Figure(figsize=PANEL_INCHES)  # a fixed layout: finding one takes seconds
        draw_panel(figure.add_axes(PANEL_RECT), panels[title], report.metrics, numbered)
        told = ", ".join(_course(word, n, report) for word, n in panels[title].curves.items())
        small.append(f"<figure>{figure_svg(figure, f'{title} over the steps: {told}')}</figure>")
    named = [
        Mark(step=f.first_step, label=f"{i}. {f.kind.value}", severity=f.severity.word)
        for i, f in enumerate(found, start=1)
    ]
    every = figure_svg(run_page(report.metrics, named), "all signals over the steps")
    said = (
        "<p>Numbered lines are the findings above, where their evidence begins.</p>"
        if found
        else ""
    )
    return (
        f'<section><h2>Curves</h2>{said}<div class="rp-plots">{"".join(small)}</div>'
        "<details><summary>All signals on one page</summary>"
        '<div class="rp-wide" tabindex="0" role="region" aria-label="all signals">'
        f"{every}</div></details></section>"
    )


def _course(word: str, name: str, report: Report) -> str:
    """Where a curve begins and ends, for who cannot see it."""
    from arcbench.plots import points

    values = points(report.metrics, name)[1]
    if not values:
        return f"{word or 'it'} not recorded"
    return f"{word or 'it'} goes from {values[0]:.3g} to {values[-1]:.3g}"


def _settings(report: Report) -> str:
    parts = (("Settings", report.settings), ("Ran on", report.info))
    tables = "".join(
        f'<h3>{title}</h3><div class="rp-scroll"><table class="ab-settings"><tbody>'
        + "".join(
            f'<tr><th scope="row">{escape(name)}</th><td>{escape(value)}</td></tr>'
            for name, value in runs_html.settings(values)
        )
        + "</tbody></table></div>"
        for title, values in parts
    )
    return (
        "<section><h2>Settings</h2><details><summary>All settings, versions and the machine"
        f"</summary>{tables}</details></section>"
    )


def _foot(report: Report) -> str:
    made = time.strftime("%Y-%m-%d %H:%M UTC", time.gmtime(report.made))
    return f"<footer>arcbench report of run {escape(report.name)}, made {made}.</footer>"
