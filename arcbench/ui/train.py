"""Tab "Train": start a short run, see it wait, learn and end; stop it, kill it, go on with it."""

import time
from dataclasses import dataclass
from html import escape
from typing import Any

from arcbench.errors import UserError
from arcbench.health.preflight import Preflight
from arcbench.preflight import Severity
from arcbench.training.config import TrainConfig
from arcbench.ui import health_html, html
from arcbench.ui.events import LOOK, PICK_JS, QUIET, guarded, picked, whole
from arcbench.ui.picker import Picker
from arcbench.ui.train_form import (
    ENGINES,
    METHODS,
    SCOPES,
    Form,
    FormError,
    first_form,
    form_of,
    policies,
    settings,
    shown_fields,
    words,
)
from arcbench.ui.train_view import (
    View,
    curve,
    findings,
    in_line,
    log_text,
    look,
    memory,
    outcome,
    queue,
    run_names,
    status_line,
)
from arcbench.workbench import Workbench

__all__ = [
    "Draft", "Form", "TrainTab", "View", "build", "checked", "continue_from", "curve", "drafted",
    "findings", "go_on_checking", "in_line", "log_text", "look", "memory", "outcome", "queue",
    "resume", "run_names", "start", "start_label", "status_line",
]  # fmt: skip

TICK_S = 1.5
CHECK_TICK_S = 0.5
CALM_S = 0.8  # without a change of the form before its check starts
START = "Start training"
# A kill loses steps: the reader is asked. Called with the run; the answer is what the handler gets.
SURE_JS = """
(run, _) => [run, run && confirm(
  `Kill ${run} now? What came after its newest checkpoint is lost and made again when resumed.`
) ? 'yes' : '']
"""
# Whether the tab is in sight, for what should not happen while another one is.
SEEN_JS = """
(...values) => [...values.slice(0, -1), document.querySelector(
  '#ab-tabs button[data-tab-id="train"]')?.getAttribute('aria-selected') === 'true' ? 'yes' : '']
"""


@dataclass(frozen=True, kw_only=True, slots=True)
class Draft:
    """What the form asks for, and how far its check is."""

    config: TrainConfig | None = None  # None: the form says something that cannot be
    since: float = 0.0  # when it was last changed
    asked: bool = False  # its check was started


def drafted(bench: Workbench, form: Form, old: Draft) -> tuple[Draft, str]:
    """The form as it now is, and what is known of it at once; checks that are not needed end."""
    try:
        config = settings(bench, form)
    except FormError as error:
        draft, shown = Draft(), health_html.problem_list(error.problems)
    else:
        if config == old.config:
            return old, checked(bench, old)[1]
        draft = Draft(config=config, since=time.time())
        shown = checked(bench, draft)[1]
    if old.config is not None and old.asked:
        bench.cancel_preflight(old.config)
    return draft, shown


def checked(bench: Workbench, draft: Draft) -> tuple[Preflight | None, str]:
    """What is known of the draft's check, and that as HTML."""
    if draft.config is None:
        return None, html.note("The form says something that cannot be.")
    line = f'<p class="ab-dim ab-count">{escape(words(draft.config))}</p>'
    found = bench.known_preflight(draft.config)
    if found is None:
        return None, line + html.note("It is checked as soon as the form stands still.", "busy")
    shown = line + health_html.preflight_head(found)
    # What is well is told in the tab Health; here it would hide what is not.
    poor = [f for f in found.findings if f.severity is not Severity.OK]
    return found, shown + (health_html.finding_list(poor) if poor else "")


def go_on_checking(bench: Workbench, draft: Draft) -> tuple[Draft, str, bool]:
    """A tick of the clock: start the check once the form stands still; whether more will come."""
    if draft.config is None:
        return draft, checked(bench, draft)[1], False
    if not draft.asked:
        if time.time() - draft.since < CALM_S:
            return draft, checked(bench, draft)[1], True
        bench.preflight(draft.config, wait_s=0)
        draft = Draft(config=draft.config, since=draft.since, asked=True)
    found, shown = checked(bench, draft)
    return draft, shown, found is not None and not found.status.state.over


def start_label(bench: Workbench, draft: Draft) -> tuple[str, bool]:
    """What the button says, and whether it can be pressed: errors forbid, warnings do not."""
    if draft.config is None:
        return START, False
    found = bench.known_preflight(draft.config)
    if found is None or not found.done:
        return START, True
    if found.errors:
        return f"{START}: errors first", False
    count = len(found.warnings)
    return (f"{START} ({count} warning{'s' * (count != 1)})" if count else START), True


def start(bench: Workbench, form: Form) -> str:
    """Start the run that the form asks for; its name. UserError where its check found errors."""
    config = settings(bench, form)
    found = bench.known_preflight(config)
    if found is not None and found.errors:
        raise UserError("; ".join(str(error) for error in found.errors))
    return bench.start_training(config)


def resume(bench: Workbench, run: str | None, steps: str) -> None:
    """Go on with a run, to `steps` in all where they are given."""
    if not run:
        raise UserError("choose a run first")
    bench.resume(run, whole(steps, "Steps in all", 1) if steps.strip() else None)


def continue_from(bench: Workbench, run: str | None, step: int | None, steps: str) -> str:
    """Start a new run from a checkpoint; its name."""
    if not run or step is None:
        raise UserError("choose a run and one of its checkpoints first")
    wanted = whole(steps, "Steps in all", 1) if steps.strip() else None
    return bench.continue_from(run, int(step), steps=wanted)


@dataclass(frozen=True, kw_only=True, slots=True)
class TrainTab:
    """The components that others need: see `links` and `health`."""

    run: Any  # gr.Dropdown of str
    fields: list[Any]  # those of `Form`, in its order


def build(bench: Workbench, picker: Picker, tab: Any) -> TrainTab:
    """Lay out the tab and wire it; it is filled when it is first looked at."""
    import gradio as gr

    first = first_form(bench)
    view_state, draft_state = gr.State(View()), gr.State(Draft())
    timer, check_timer = gr.Timer(TICK_S, active=False), gr.Timer(CHECK_TICK_S, active=False)
    sure = gr.Textbox("", visible="hidden")
    seen = gr.Textbox("", visible="hidden")
    with gr.Row(elem_id="ab-train-top"):
        with gr.Column(scale=7, min_width=440, elem_id="ab-train-form"):
            with gr.Row():
                scope = gr.Dropdown(list(SCOPES), value=first.scope, label="Trains on",
                                    min_width=150, elem_id="ab-scope")  # fmt: skip
                policy = gr.Dropdown(
                    policies(bench), value=first.policy, label="Policy", allow_custom_value=True,
                    min_width=150, elem_id="ab-train-policy",
                )  # fmt: skip
                method = gr.Dropdown(list(METHODS), value=first.method, label="Weights trained",
                                     min_width=140, elem_id="ab-method")  # fmt: skip
                engine = gr.Dropdown(
                    list(ENGINES.items()), value=first.engine, label="Written by", min_width=150,
                    elem_id="ab-engine",
                )  # fmt: skip
            ids = gr.Textbox(first.ids, label="Task ids", placeholder="67a3c6ac 68b16354",
                             visible=False, elem_id="ab-train-ids")  # fmt: skip
            url = gr.Textbox(first.url, label="Address of the server", visible=False,
                             elem_id="ab-train-url")  # fmt: skip
            with gr.Row():
                steps = gr.Number(first.steps, label="Steps", precision=0, min_width=80)
                group = gr.Number(first.group, label="Group size", precision=0,
                                  min_width=130)  # fmt: skip
                rate = gr.Textbox(first.rate, label="Learning rate", min_width=90)
                reward = gr.Dropdown(list(bench.rewards()), value=first.reward, label="Reward",
                                     min_width=110, elem_id="ab-train-reward")  # fmt: skip
                tokens = gr.Number(first.tokens, label="Max new tokens", precision=0,
                                   min_width=100)  # fmt: skip
            with gr.Accordion("More settings", open=False), gr.Row():
                rank = gr.Number(first.rank, label="Rank of the adapter", precision=0,
                                 min_width=110, visible=False)  # fmt: skip
                prompts = gr.Number(first.prompts, label="Prompts a step", precision=0,
                                    min_width=100)  # fmt: skip
                measured = gr.Number(first.measured, label="Measured samples", precision=0,
                                     min_width=110)  # fmt: skip
                seed = gr.Number(first.seed, label="Seed", precision=0, min_width=70)
        with gr.Column(scale=5, min_width=320):
            told = gr.HTML(html.note("The form is checked here."), elem_id="ab-preflight")
            with gr.Row(elem_id="ab-go-row"):
                go = gr.Button(START, variant="primary", elem_id="ab-start", min_width=150)
                again = gr.Button("Check again", min_width=100, scale=0, elem_id="ab-check")
                halt_check = gr.Button("Cancel check", min_width=105, scale=0, interactive=False,
                                       elem_id="ab-check-stop")  # fmt: skip
            line = gr.HTML(queue([], None), js_on_load=PICK_JS, elem_id="ab-queue")
    with gr.Row(elem_id="ab-train-run"):
        with gr.Column(scale=7, min_width=440), gr.Row(elem_classes="ab-buttons"):
            chosen = gr.Dropdown([], label="Run", scale=3, min_width=180, elem_id="ab-run")
            halt = gr.Button("Stop", interactive=False, scale=0, min_width=70, elem_id="ab-stop")
            end_it = gr.Button("Kill", interactive=False, scale=0, min_width=60, variant="stop",
                               elem_id="ab-kill")  # fmt: skip
            go_on = gr.Button("Resume", interactive=False, scale=0, min_width=80,
                              elem_id="ab-resume")  # fmt: skip
        with gr.Column(scale=5, min_width=400), gr.Row(elem_classes="ab-buttons"):
            step = gr.Dropdown([], label="Checkpoint", min_width=100, interactive=True,
                               elem_id="ab-checkpoint")  # fmt: skip
            more = gr.Textbox("", label="Steps in all", placeholder="as before", min_width=90,
                              elem_id="ab-more")  # fmt: skip
            fork = gr.Button("Continue as a new run", interactive=False, scale=0, min_width=170,
                             elem_id="ab-continue")  # fmt: skip
    status = gr.HTML("", elem_id="ab-status")
    with gr.Row():
        with gr.Column(scale=9, min_width=520):
            plot = gr.HTML(curve(View()), elem_id="ab-curve")
        with gr.Column(scale=4, min_width=260):
            found = gr.HTML("", elem_id="ab-findings-live")
            result = gr.HTML("", elem_id="ab-outcome")
            tiles = gr.HTML("", elem_id="ab-memory")
    with gr.Accordion("Log", open=True):
        log = gr.HTML(log_text(View()), elem_id="ab-log")

    # In the order of `Form`.
    fields = [
        *picker.inputs, scope, ids, policy, method, engine, steps, group, rate, reward, tokens,
        rank, prompts, url, measured, seed,
    ]  # fmt: skip
    shown = [view_state, line, status, plot, log, found, tiles, result, halt, end_it, go_on, step,
             fork, chosen]  # fmt: skip

    def show(old: View, run: str | None) -> Any:
        def all_of_it() -> Any:
            new = look(bench, run, old)
            same = new.run == old.run
            state = same and new.status.state is old.status.state
            over = bool(new.run) and not new.live
            kept = same and new.checkpoints == old.checkpoints
            last = new.checkpoints[-1] if new.checkpoints else None
            drawn = same and (new.metrics, new.status.phase, new.live) == (
                old.metrics, old.status.phase, old.live
            )  # fmt: skip
            return [
                new,
                gr.skip() if same and new.waiting == old.waiting else queue(new.waiting, new.run),
                gr.skip()
                if same and (new.status, new.stopping) == (old.status, old.stopping)
                else status_line(new),
                gr.skip() if drawn and new.findings == old.findings else curve(new),
                gr.skip() if same and new.log == old.log else log_text(new),
                gr.skip()
                if same
                and new.findings == old.findings
                and new.run
                and (bool(new.metrics) == bool(old.metrics))
                else findings(new),
                gr.skip() if same and new.usage == old.usage else memory(new),
                gr.skip() if same and new.after == old.after else outcome(new),
                gr.skip()
                if state and new.stopping == old.stopping
                else gr.Button(
                    "Stopping …" if new.stopping else "Stop",
                    interactive=new.live and not new.stopping,
                ),
                gr.skip() if state else gr.Button(interactive=new.live),
                gr.skip() if state else gr.Button(interactive=over),
                gr.skip() if kept else gr.Dropdown(list(new.checkpoints), value=last),
                gr.skip() if kept else gr.Button(interactive=last is not None),
                gr.skip() if new.runs == old.runs else gr.Dropdown(list(new.runs)),
            ]

        return guarded(all_of_it)

    def arrive(run: str | None) -> Any:
        names = run_names(bench)
        kept = run in names
        return (
            gr.Dropdown(names) if kept else gr.Dropdown(names, value=next(iter(names), None)),
            gr.Timer(active=True),
        )

    def edit(draft: Draft, *values: Any) -> Any:
        *of_form, in_sight = values
        form = form_of(of_form)
        visible = shown_fields(form.scope, form.method, form.engine)
        parts = [gr.update(visible=visible[name]) for name in ("ids", "rank", "url")]
        if not in_sight:  # nobody reads it: it is made when the tab is opened
            return [gr.skip()] * 4 + parts
        try:
            new, text = drafted(bench, form, draft)
        except UserError as error:
            return [Draft(), html.note(str(error), "error"), gr.Button(START, interactive=False),
                    gr.Timer(active=False), *parts]  # fmt: skip
        label, able = start_label(bench, new)
        return [
            new, text, gr.Button(label, interactive=able),
            gr.Timer(active=new.config is not None), *parts,
        ]  # fmt: skip

    def tick(draft: Draft) -> Any:
        def all_of_it() -> Any:
            new, text, more_comes = go_on_checking(bench, draft)
            label, able = start_label(bench, new)
            return (
                new, text, gr.Button(label, interactive=able), gr.Timer(active=more_comes),
                gr.Button(interactive=more_comes and new.asked),
            )  # fmt: skip

        return guarded(all_of_it)

    def check_again(draft: Draft) -> Any:
        def all_of_it() -> Any:
            if draft.config is None:
                raise UserError("mend the form first: it says something that cannot be")
            bench.preflight(draft.config, again=True, wait_s=0)
            asked = Draft(config=draft.config, since=draft.since, asked=True)
            return asked, gr.Timer(active=True)

        return guarded(all_of_it)

    def cancel_check(draft: Draft) -> Any:
        if draft.config is not None:
            bench.cancel_preflight(draft.config)
        return gr.Button(interactive=False)

    def begin(*values: Any) -> Any:
        def started() -> Any:
            name = start(bench, form_of(values))
            return gr.Dropdown(run_names(bench), value=name)

        return guarded(started)

    def stop(run: str | None) -> None:
        if run:
            guarded(bench.stop_after_step, run)

    def kill(run: str | None, answer: str) -> None:
        if run and answer:
            guarded(bench.kill, run)

    def go_on_with(run: str | None, to: str) -> None:
        guarded(resume, bench, run, to)

    def forked(run: str | None, at: int | None, to: str) -> Any:
        name = guarded(continue_from, bench, run, at, to)
        return gr.Dropdown(run_names(bench), value=name)

    drawn = {"fn": show, "inputs": [view_state, chosen], "outputs": shown, **QUIET}
    edited = [draft_state, told, go, check_timer, ids, rank, url]
    tab.select(arrive, chosen, [chosen, timer], **LOOK).then(**drawn)
    gr.on(
        [tab.select, *(part.change for part in fields)],
        edit, [draft_state, *fields, seen], edited, js=SEEN_JS, trigger_mode="always_last",
        **LOOK,
    )  # fmt: skip
    check_timer.tick(tick, draft_state, [draft_state, told, go, check_timer, halt_check], **QUIET)
    again.click(check_again, draft_state, [draft_state, check_timer], **QUIET)
    halt_check.click(cancel_check, draft_state, halt_check, **QUIET)
    policy.focus(lambda: gr.Dropdown(policies(bench)), None, policy, **LOOK)
    go.click(begin, fields, chosen, **QUIET)
    gr.on([chosen.change, timer.tick], **drawn)
    line.click(None, None, chosen, js=picked("ab-queue", "run"))
    # Stopping waits for the end of a step: say so at once.
    halt.click(lambda: gr.Button("Stopping …", interactive=False), None, halt, **QUIET).then(
        stop, chosen, None, concurrency_limit=None, **QUIET
    ).then(**drawn)
    end_it.click(kill, [chosen, sure], None, js=SURE_JS, **QUIET).then(**drawn)
    go_on.click(go_on_with, [chosen, more], None, **QUIET).then(**drawn)
    fork.click(forked, [chosen, step, more], chosen, **QUIET)
    return TrainTab(run=chosen, fields=fields)
