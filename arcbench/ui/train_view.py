"""What the tab "Train" shows of a run: values read from its folder, and those as HTML."""

import socket
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from html import escape

from arcbench import series
from arcbench.diagnostics import Finding
from arcbench.diagnostics.finding import Severity
from arcbench.folders import RunState
from arcbench.runs import Metrics, RunStatus
from arcbench.training.usage import Usage, usage_of
from arcbench.ui import health_html, html, runs, runs_html
from arcbench.workbench import Workbench

LOG_LINES = 40
NO_RUN = (
    "No run yet. Choose a task that the policy solves sometimes, but not always (see the tab "
    "Sample), and press Start training."
)
LOOKS: Mapping[Severity, tuple[str, str]] = {
    Severity.CRITICAL: ("failed", "✗ critical"),
    Severity.WARNING: ("partly", "! warning"),
    Severity.INFO: ("wrong", "i info"),
}


@dataclass(frozen=True, kw_only=True, slots=True)
class View:
    """What the page shows of a run, to send only what has changed."""

    run: str = ""
    about: str = ""  # what it trains on
    status: RunStatus = field(default_factory=RunStatus)
    metrics: tuple[Metrics, ...] = ()
    findings: tuple[Finding, ...] = ()
    checkpoints: tuple[int, ...] = ()
    stopping: bool = False  # somebody asked it to end after its step
    log: str = ""
    before: Mapping[str, float] | None = None  # figures of the measurement before training
    after: Mapping[str, float] | None = None
    usage: Usage = field(default_factory=Usage)  # of its process, now
    runs: tuple[str, ...] = ()  # all there are, the newest first
    waiting: tuple["Waiting", ...] = ()  # the line for the GPU

    @property
    def live(self) -> bool:
        """Whether more will come."""
        return bool(self.run) and not self.status.state.over


@dataclass(frozen=True, kw_only=True, slots=True)
class Waiting:
    """A run that has the GPU, or waits for it."""

    name: str
    status: RunStatus | None  # None: it takes turns with the runs, but is none of this folder


def look(bench: Workbench, run: str | None, old: View | None = None) -> View:
    """Read how a run stands; what is in `old` already is not made again."""
    if not run:
        return View(runs=tuple(run_names(bench)), waiting=in_line(bench))
    store = bench.run(run)
    # The status first: what a run wrote before it ended is then in the metrics for sure.
    status = store.status()
    before, after = store.read_eval("before"), store.read_eval("after")
    metrics = tuple(bench.metrics(run))
    same = old is not None and old.run == run and old.metrics == metrics
    here = status.state is RunState.RUNNING and status.host == socket.gethostname()
    return View(
        run=run,
        about=runs.about(store),
        status=status,
        metrics=metrics,
        findings=old.findings if same and old is not None else tuple(bench.findings(run)),
        checkpoints=tuple(bench.checkpoints(run)),
        stopping=not status.state.over and store.stop_file.is_file(),
        log=bench.tail(run, LOG_LINES),
        before=before and before["figures"],
        after=after and after["figures"],
        usage=usage_of(status.pid) if here else Usage(),
        runs=tuple(run_names(bench)),
        waiting=in_line(bench),
    )


def run_names(bench: Workbench) -> list[str]:
    """All runs, the newest first."""
    return [store.name for store in bench.runs()]


def in_line(bench: Workbench) -> tuple[Waiting, ...]:
    """The runs that have the GPU or wait for it, the first first."""
    names = bench.queue()
    there = {store.name: store for store in bench.runs()} if names else {}
    return tuple(
        Waiting(name=name, status=there[name].status() if name in there else None) for name in names
    )


def queue(waiting: Sequence[Waiting], chosen: str | None) -> str:
    """The line for the GPU, each run with a button that shows it."""
    if not waiting:
        return (
            '<p class="ab-dim ab-count">No run is on its way; several started ones would wait '
            "for each other here.</p>"
        )
    items = "".join(f"<li>{_named(w, chosen)} {_place(w, i)}</li>" for i, w in enumerate(waiting))
    return f'<ol class="ab-queue" aria-label="runs in line for the GPU">{items}</ol>'


def _named(waiting: Waiting, chosen: str | None) -> str:
    name = escape(waiting.name)
    if waiting.status is None:
        return f"<span>{name}</span>"
    current = ' aria-current="true"' if waiting.name == chosen else ""
    return f'<button type="button" class="ab-link" data-run="{name}"{current}>{name}</button>'


def _place(waiting: Waiting, before: int) -> str:
    s = waiting.status
    if before:
        return f'<span class="ab-badge ab-badge-wrong">○ waits, {before} before it</span>'
    if s is None:
        return '<span class="ab-badge ab-badge-partly">▸ at work</span>'
    of = f" of {s.total_steps}" if s.total_steps else ""
    return (
        f'<span class="ab-badge ab-badge-partly">▸ {escape(s.phase or s.state.value)}</span> '
        f'<span class="ab-dim">step {s.step}{of}</span>'
    )


def status_line(view: View) -> str:
    """State and step of a run in one line."""
    if not view.run:
        return ""
    s = view.status
    of = f" of {s.total_steps}" if s.total_steps else ""
    bar = (
        f'<span class="ab-progress" role="progressbar" aria-label="steps" aria-valuemin="0" '
        f'aria-valuemax="{s.total_steps}" aria-valuenow="{s.step}"><i style="width:'
        f'{100 * s.step / s.total_steps:.0f}%"></i></span>'
        if s.total_steps and view.live
        else ""
    )
    said = s.phase if view.live else s.reason
    if view.stopping:
        said += "; it stops after this step" if said == "training" else "; it is being stopped"
    words = f'<span class="ab-dim">{escape(said)}</span>' if said else ""
    return (
        f'<div class="ab-run" role="status">{runs_html.state_badge(s)}'
        f"<span>step {s.step}{of}</span>{bar}{words}"
        f'<span class="ab-dim ab-about">{escape(view.about)}</span></div>'
    )


def curve(view: View) -> str:
    """The curves of what was read so far, with marks where something was found."""
    if not view.run:
        return html.note(NO_RUN)
    if not view.metrics and not view.live:
        return html.note("This run ended before its first step. The log below says why.")
    if not view.metrics:
        if view.status.phase.startswith("waiting"):
            return html.note(f"It is {view.status.phase}; it starts by itself.", "busy")
        return html.note("The policy is being loaded and measured; the first step follows.", "busy")
    from arcbench import plots, plots_train
    from arcbench.plots_run import Mark

    marks = [
        Mark(step=f.found_step, label=f.kind.value, severity=f.severity.word) for f in view.findings
    ]
    return plots.figure_svg(plots_train.live_page(view.metrics, marks), _told(view))


def _told(view: View) -> str:
    """The curves in words, for who does not see them."""
    last = view.metrics[-1]
    forms = (
        ("reward", series.REWARD_MEAN, "{:.2f}"),
        ("solve rate", series.SOLVE_RATE, "{:.0%}"),
        ("length", series.LENGTH_MEAN, "{:.0f} tokens"),
        ("entropy", series.ENTROPY, "{:.2f} nats"),
    )
    parts = [
        f"{word} {form.format(value)}"
        for word, name, form in forms
        if (value := last.get(name)) is not None
    ]
    return escape(f"curves of {view.run}; at step {last['step']:.0f}: {', '.join(parts)}")


def outcome(view: View) -> str:
    """What training did to the measured figures, once both measurements are there."""
    if not view.before or not view.after:
        return ""
    cells = "".join(
        f'<tr><th scope="row">{escape(name)}</th><td>{_figure(name, view.before[name])}</td>'
        f"<td>{_figure(name, value)}</td></tr>"
        for name, value in view.after.items()
        if name in view.before
    )
    return (
        '<table class="ab-figures"><thead><tr><th scope="col"></th><th scope="col">before</th>'
        f'<th scope="col">after</th></tr></thead><tbody>{cells}</tbody></table>'
    )


def _figure(name: str, value: float) -> str:
    return f"{value:.2f}" if name.startswith("mean") else f"{value:.0%}"


def findings(view: View) -> str:
    """What was found in the run so far, worst first, with causes and remedies for who opens it."""
    if not view.run:
        return ""
    if not view.findings:
        words = "✓ Nothing is wrong so far." if view.live else "✓ Nothing wrong was found."
        if not view.metrics:
            words = "Findings appear here as they arise." if view.live else ""
        return f'<p class="ab-dim ab-count" role="status">{words}</p>'
    items = "".join(_finding(f) for f in view.findings)
    return f'<ul class="ab-findings" aria-label="findings in the run" role="status">{items}</ul>'


def _finding(f: Finding) -> str:
    kind, words = LOOKS[f.severity] if f.holds else ("wrong", "✓ over")
    over = "" if f.over_step is None else f", over since step {f.over_step}"
    lists = "".join(
        f"<b>{title}</b><ul>{''.join(f'<li>{escape(line)}</li>' for line in lines)}</ul>"
        for title, lines in (("May be behind it", f.causes), ("What to try", f.advice))
        if lines
    )
    return (
        f'<li class="ab-finding"><span class="ab-badge ab-badge-{kind}">{words}</span><div>'
        f"<b>{escape(f.kind.value)}</b> <span class='ab-dim'>step {f.found_step}{over}</span>"
        f"<br>{escape(f.evidence)}<details><summary>causes and remedies</summary>{lists}</details>"
        "</div></li>"
    )


def memory(view: View) -> str:
    """Memory of the run's processes and of the GPU: now, or after its last step."""
    if not view.run:
        return ""
    last: Mapping[str, float | None] = view.metrics[-1] if view.metrics else {}
    now = view.usage
    figures: list[tuple[str, float | None]] = [
        ("trainer", _gb(now.rss) or last.get(series.RSS_GB)),
        ("what it started", _gb(now.children_rss) or last.get(series.CHILDREN_GB)),
        ("free on the machine", _gb(now.available) or last.get(series.AVAILABLE_GB)),
        ("GPU, tensors", last.get(series.GPU_ALLOCATED_GB)),
        ("GPU, reserved", last.get(series.GPU_RESERVED_GB)),
        ("GPU, peak of a step", last.get(series.GPU_PEAK_GB)),
    ]
    known = [(name, value) for name, value in figures if value is not None]
    if not known:
        return ""
    cells = "".join(f"<div><dt>{name}</dt><dd>{value:.2f} GB</dd></div>" for name, value in known)
    gpu = any(name.startswith("GPU") for name, _ in known)
    none = "" if gpu or not view.metrics else "<div><dt>GPU</dt><dd>not in use</dd></div>"
    return f'<dl class="ab-tiles" aria-label="memory">{cells}{none}</dl>'


def _gb(size: int | None) -> float | None:
    return size / 1e9 if size else None


def log_text(view: View) -> str:
    """The end of the run's log; a traceback is there for who opens it."""
    if not view.log.strip():
        words = "Nothing was written yet." if view.run else "The log of a run appears here."
        return html.note(words)
    return health_html.log(view.log, "log")
