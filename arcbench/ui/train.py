"""Tab "Train": start a short run on the chosen task and watch it, or look at an older one."""

from collections.abc import Mapping
from dataclasses import dataclass, field
from html import escape
from typing import Any

from arcbench.errors import UserError
from arcbench.runs import Metrics, RunStatus
from arcbench.ui import html, runs_html
from arcbench.ui.events import number, warn, whole
from arcbench.ui.picker import Picker
from arcbench.workbench import Workbench

TICK_S = 1.5
LOG_LINES = 40
NO_RUN = (
    "No run yet. Choose a task that the policy solves sometimes, but not always (see the tab "
    "Sample), and press Start training."
)


@dataclass(frozen=True, kw_only=True, slots=True)
class View:
    """What the page shows of a run, to send only what has changed."""

    run: str = ""
    status: RunStatus = field(default_factory=RunStatus)
    metrics: tuple[Metrics, ...] = ()
    log: str = ""
    before: Mapping[str, float] | None = None  # figures of the measurement before training
    after: Mapping[str, float] | None = None

    @property
    def live(self) -> bool:
        """Whether more will come."""
        return bool(self.run) and not self.status.state.over


def look(bench: Workbench, run: str | None) -> View:
    """Read how a run stands."""
    if not run:
        return View()
    store = bench.run(run)
    # The status first: what a run wrote before it ended is then in the metrics for sure.
    status = store.status()
    before, after = store.read_eval("before"), store.read_eval("after")
    return View(
        run=run,
        before=before and before["figures"],
        after=after and after["figures"],
        status=status,
        metrics=tuple(bench.metrics(run)),
        log=bench.tail(run, LOG_LINES),
    )


def run_names(bench: Workbench) -> list[str]:
    """All runs, the newest first."""
    return [store.name for store in bench.runs()]


def status_line(view: View) -> str:
    """State and step of a run in one line."""
    if not view.run:
        return ""
    s = view.status
    of = f" of {s.total_steps}" if s.total_steps else ""
    bar = (
        '<span class="ab-progress" aria-hidden="true"><i style="width:'
        f'{100 * s.step / s.total_steps:.0f}%"></i></span>'
        if s.total_steps and view.live
        else ""
    )
    said = s.phase if view.live else s.reason
    words = f'<span class="ab-dim">{escape(said)}</span>' if said else ""
    return (
        f'<div class="ab-run" role="status">{runs_html.state_badge(s)}'
        f"<span>step {s.step}{of}</span>{bar}{words}</div>"
    )


def curve(view: View) -> str:
    """The training curve of what was read so far."""
    from arcbench import plots

    if not view.run:
        return html.note(NO_RUN)
    if not view.metrics and not view.live:
        return html.note("This run ended before its first step. The log below says why.")
    if not view.metrics:
        return html.note("The policy is being loaded and measured; the first step follows.", "busy")
    return plots.figure_svg(plots.training_curve(view.metrics), f"training curve of {view.run}")


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


def log_text(view: View) -> str:
    """The end of the run's log."""
    if not view.log.strip():
        words = "Nothing was written yet." if view.run else "The log of a run appears here."
        return html.note(words)
    text = f'<pre class="ab-log">{escape(view.log)}</pre>'
    return f'<div class="ab-log-box" tabindex="0" aria-label="log">{text}</div>'


def start(
    bench: Workbench,
    dataset: str,
    split: str,
    task_id: str | None,
    *,
    policy: str,
    steps: float | None,
    group_size: float | None,
    learning_rate: str,
    seed: float | None,
) -> str:
    """Start a run on the task in the background; its name."""
    if not task_id:
        raise UserError("choose a task first")
    return bench.start_overfit(
        task_id,
        dataset=dataset,
        split=split,
        policy=policy,
        steps=whole(steps, "Steps", 1),
        group_size=whole(group_size, "Group size", 2),
        learning_rate=number(learning_rate, "Learning rate", 0, 1),
        seed=whole(seed, "Seed", 0),
    )


def build(bench: Workbench, picker: Picker, page: Any) -> None:
    """Lay out the tab and wire it; `page` is the gr.Blocks that it is part of."""
    import gradio as gr

    runs = run_names(bench)
    newest = next(iter(runs), None)
    first = look(bench, newest)
    defaults = bench.overfit_defaults()
    view_state = gr.State(first)
    timer = gr.Timer(TICK_S, active=first.live)
    with gr.Row():
        with gr.Column(scale=3, min_width=260):
            gr.HTML("<h4>Start a run on the chosen task</h4>")
            policy = gr.Dropdown(
                list(bench.policies()),
                value=bench.policies()[0],
                label="Policy",
                allow_custom_value=True,
            )
            with gr.Row():
                steps = gr.Number(defaults.steps, label="Steps", precision=0, min_width=90)
                group = gr.Number(
                    defaults.grpo.num_generations,
                    label="Group size",
                    precision=0,
                    min_width=90,
                )
            with gr.Row():
                rate = gr.Textbox(
                    f"{defaults.grpo.learning_rate:g}", label="Learning rate", min_width=90
                )
                seed = gr.Number(defaults.seed, label="Seed", precision=0, min_width=90)
            go = gr.Button("Start training", variant="primary", elem_id="ab-start")
            result = gr.HTML(outcome(first), elem_id="ab-outcome")
        with gr.Column(scale=9, min_width=560):
            with gr.Row(elem_id="ab-run-row"):
                chosen = gr.Dropdown(
                    runs, value=newest, label="Run", scale=3, min_width=260, elem_id="ab-run"
                )
                halt = gr.Button(
                    "Stop run", interactive=first.live, scale=0, min_width=110, elem_id="ab-stop"
                )
            line = gr.HTML(status_line(first), elem_id="ab-status")
            plot = gr.HTML(curve(first), elem_id="ab-curve")
            with gr.Accordion("Log", open=True):
                log = gr.HTML(log_text(first), elem_id="ab-log")

    shown = [view_state, line, plot, log, result, halt, timer]

    def show(old: View, run: str | None) -> Any:
        try:
            new = look(bench, run)
        except UserError as error:
            warn(error)
            return [gr.skip()] * 6 + [gr.Timer(active=False)]
        same_run = new.run == old.run
        same_state = same_run and new.status.state is old.status.state
        return [
            new,
            status_line(new),
            gr.skip() if same_state and new.metrics == old.metrics else curve(new),
            gr.skip() if same_run and new.log == old.log else log_text(new),
            gr.skip() if same_state else outcome(new),
            gr.skip() if same_state else gr.Button(interactive=new.live),
            gr.skip() if same_state else gr.Timer(active=new.live),
        ]

    def begin(
        dataset: str,
        split: str,
        task_id: str | None,
        spec: str,
        num_steps: float | None,
        group_size: float | None,
        learning_rate: str,
        start_seed: float | None,
    ) -> Any:
        try:
            name = start(
                bench,
                dataset,
                split,
                task_id,
                policy=spec,
                steps=num_steps,
                group_size=group_size,
                learning_rate=learning_rate,
                seed=start_seed,
            )
        except UserError as error:
            warn(error)
            return gr.skip()
        return gr.Dropdown(run_names(bench), value=name)

    def end(run: str | None) -> Any:
        if run:
            try:
                bench.stop(run)
            except UserError as error:
                warn(error)
        return gr.Button("Stop run", interactive=False)

    def refresh(run: str | None) -> Any:
        return gr.Dropdown(run_names(bench), value=run)

    def arrive(run: str | None) -> Any:
        names = run_names(bench)
        return gr.Dropdown(names, value=next(iter(names), None))

    go.click(
        begin, [*picker.inputs, policy, steps, group, rate, seed], chosen, show_progress="hidden"
    )
    chosen.change(show, [view_state, chosen], shown, show_progress="hidden")
    # Whoever opens the page, or reloads it, sees the newest run as it now is.
    page.load(arrive, chosen, chosen, show_progress="hidden").then(
        show, [view_state, chosen], shown, show_progress="hidden"
    )
    chosen.focus(refresh, chosen, chosen, show_progress="hidden")
    timer.tick(show, [view_state, chosen], shown, show_progress="hidden")
    # Stopping waits for the end of a step: say so at once.
    halt.click(
        lambda: gr.Button("Stopping …", interactive=False), None, halt, show_progress="hidden"
    ).then(end, chosen, halt, show_progress="hidden").then(
        show, [view_state, chosen], shown, show_progress="hidden"
    )
