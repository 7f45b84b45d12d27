"""Tab "Sample": draw completions for the chosen task and see what became of each."""

import time
from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path
from typing import Any

from arcbench.errors import UserError
from arcbench.rollouts import Rollout
from arcbench.sandbox.types import Outcome
from arcbench.ui import html, sample_form
from arcbench.ui.events import COPY_JS, KEEP_JS, LOOK, PICK_JS, QUIET
from arcbench.ui.picker import Picker
from arcbench.ui.sample_batch import (
    EDITED,
    ORDERS,
    SOLVED,
    Batch,
    CardFilter,
    draw,
    looked_at,
    rerun,
)
from arcbench.ui.sample_html import (
    DETAILS,
    VIEWS,
    cards,
    detail,
    keep_label,
    problem,
    program,
    summary,
)
from arcbench.workbench import Workbench

FIRST_ORDER = next(iter(ORDERS))
OUTCOMES = [("any outcome", ""), *((html.OUTCOME_TEXT[o], o.value) for o in Outcome)]
# Ctrl+Enter runs the program in the editor; c keeps the open completion. Once for the whole page.
EDIT_JS = """
window.arcbenchSampleKeys ??= document.addEventListener('keydown', (event) => {
  const held = event.ctrlKey || event.metaKey;
  if (held && event.key === 'Enter' && event.target.closest('#ab-edit')) {
    event.preventDefault();
    event.stopPropagation();
    // The editor hands its text over a moment after it was typed.
    setTimeout(() => document.querySelector('#ab-again').click(), 150);
  }
  const typing = event.target.closest('input, textarea, [contenteditable]');
  const keep = document.querySelector('#ab-keep');
  if (event.key === 'c' && !held && !event.altKey && !typing && keep?.offsetParent) keep.click();
}, true) ?? true;
"""


def place(bench: Workbench, dataset: str) -> str:
    """A data set as another process would find it: by its name, or by its whole path."""
    return dataset if dataset in bench.datasets() else str(Path(dataset).absolute())


def build(bench: Workbench, picker: Picker) -> None:
    """Lay out the tab and wire it."""
    import gradio as gr

    batch_state = gr.State(Batch())
    edited_state = gr.State(None)  # the Rollout of the program that the reader changed
    chosen_state = gr.State(None)  # the index that the reader clicked
    kept_state = gr.State(None)  # the index that others are compared with
    open_state = gr.State(None)  # the index that the page shows
    grown = gr.Textbox("", visible="hidden")  # changes whenever the batch has
    with gr.Row(elem_id="ab-sample-form"):
        policy = gr.Dropdown(
            sample_form.specs(bench),
            value=bench.policies()[0],
            label="Policy (or type one)",
            allow_custom_value=True,
            min_width=170,
            scale=2,
            elem_id="ab-policy",
        )
        count = gr.Number(8, label="Completions", precision=0, min_width=95)
        heat = gr.Number(0.8, label="Temperature", step=0.1, min_width=95)
        top_p = gr.Number(1, label="Top-p", step=0.05, min_width=75)
        limit = gr.Number(192, label="Max new tokens", precision=0, min_width=120)
        seed = gr.Number(0, label="Seed", precision=0, min_width=75)
        reward = gr.Dropdown(
            list(bench.rewards()),
            value=bench.reward.name,
            label="Reward",
            min_width=120,
            elem_id="ab-reward",
        )
        go = gr.Button("Sample", variant="primary", min_width=95, scale=0, elem_id="ab-go")
        halt = gr.Button("Stop", min_width=75, scale=0, interactive=False, elem_id="ab-halt")
    numbers = gr.HTML(summary(Batch()), elem_id="ab-summary")
    wrong = gr.HTML("", elem_id="ab-sample-problem")
    with gr.Row(elem_id="ab-sample-halves"):
        with gr.Column(scale=5, min_width=380):
            with gr.Row(elem_id="ab-card-filters"):
                bare: dict[str, Any] = {"show_label": False, "container": False}
                order = gr.Dropdown(
                    list(ORDERS), value=FIRST_ORDER, label="Order", min_width=118, scale=3,
                    elem_id="ab-card-order", **bare,
                )  # fmt: skip
                outcome = gr.Dropdown(
                    OUTCOMES, value="", label="Outcome", min_width=110, scale=3,
                    elem_id="ab-card-outcome", **bare,
                )  # fmt: skip
                solved = gr.Dropdown(
                    [("solved or not", "all"), *((name, name) for name in SOLVED if name != "all")],
                    value="all", label="Solved", min_width=118, scale=3,
                    elem_id="ab-card-solved", **bare,
                )  # fmt: skip
                words = gr.Textbox(
                    "", label="Text", placeholder="find text", min_width=80, scale=2,
                    elem_id="ab-card-words", **bare,
                )  # fmt: skip
            listed = gr.HTML(
                cards(Batch(), FIRST_ORDER),
                js_on_load=PICK_JS + KEEP_JS + EDIT_JS,
                elem_id="ab-cards",
            )
        with gr.Column(scale=8, min_width=520):
            with gr.Row(elem_id="ab-sample-views"):
                view = gr.Radio(
                    list(VIEWS), value=DETAILS, label="View", show_label=False, container=False,
                    elem_id="ab-sample-view",
                )  # fmt: skip
                keep = gr.Button(
                    keep_label(Batch(), None, None), size="sm", scale=0, min_width=160,
                    elem_id="ab-keep",
                )  # fmt: skip
            opened = gr.HTML(
                detail(Batch(), None), js_on_load=COPY_JS + KEEP_JS, elem_id="ab-detail"
            )
            with gr.Accordion("Edit the program and run it again", open=False, elem_id="ab-edit"):
                editor = gr.Code(language="python", show_label=False, max_lines=24)
                again = gr.Button("Run in the sandbox (Ctrl+Enter)", size="sm", elem_id="ab-again")

    def run(
        dataset: str,
        split: str,
        task_id: str | None,
        spec: str | None,
        scheme_name: str,
        *settings: float | None,
    ) -> Iterator[Any]:
        busy = (gr.Button(interactive=False), gr.Button(interactive=True))
        free = (gr.Button(interactive=True), gr.Button(interactive=False))
        try:
            if not task_id:
                raise UserError("choose a task first")
            task = bench.tasks(dataset, split).task(task_id)
            config = sample_form.settings(*settings)
            yield (*[gr.skip()] * 6, "", *busy)  # a server may take a moment to answer
            found = sample_form.policy(bench, spec)
            shown = -1
            for batch in draw(
                bench, found, task, config, scheme_name,
                dataset=place(bench, dataset), split=split or "",
            ):  # fmt: skip
                news = len(batch.rollouts) != shown or batch.finished
                fresh = (None, None, None) if shown < 0 else (gr.skip(),) * 3
                shown = len(batch.rollouts)
                tick = str(time.monotonic()) if news else gr.skip()
                buttons = free if batch.finished else busy
                yield (batch, *fresh, summary(batch), tick, "", *buttons)
        except (UserError, RuntimeError) as error:
            yield (*[gr.skip()] * 6, problem(error), *free)

    def stopped(batch: Batch) -> Any:
        kept = replace(batch, finished=True)
        buttons = gr.Button(interactive=True), gr.Button(interactive=False)
        return kept, summary(kept), str(time.monotonic()), *buttons

    def sift(batch: Batch, edited: Rollout | None, chosen: int | None, by: str, *parts: str) -> str:
        wanted = CardFilter(outcome=parts[0], solved=parts[1], words=parts[2])
        return cards(replace(batch, edited=edited), by, wanted, chosen)

    def look(
        batch: Batch, edited: Rollout | None, chosen: int | None, kept: int | None, as_: str
    ) -> Any:
        whole = replace(batch, edited=edited)
        at = looked_at(whole, chosen)
        return detail(whole, chosen, as_, kept), keep_label(whole, chosen, kept), at

    def grow(
        batch: Batch, edited: Rollout | None, chosen: int | None, kept: int | None, as_: str,
        at: int | None,
    ) -> Any:  # fmt: skip
        whole = replace(batch, edited=edited)
        now = looked_at(whole, chosen)
        if now == at and now is not None and not batch.finished:
            return (gr.skip(),) * 4
        # A program that the reader has chosen may be in the middle of a change.
        code = program(whole, now) if chosen is None else gr.skip()
        return *look(batch, edited, chosen, kept, as_), code

    def pick(
        batch: Batch, edited: Rollout | None, kept: int | None, as_: str, event: gr.EventData
    ) -> Any:
        index = int(event.index)
        whole = replace(batch, edited=edited)
        return index, *look(batch, edited, index, kept, as_), program(whole, index)

    def keep_it(batch: Batch, edited: Rollout | None, chosen: int | None, kept: int | None) -> Any:
        at = looked_at(replace(batch, edited=edited), chosen)
        return None if at == kept else at

    def repeat(
        batch: Batch, edited: Rollout | None, chosen: int | None, kept: int | None, as_: str,
        code: str | None,
    ) -> Any:  # fmt: skip
        try:
            rollout = rerun(bench, batch, code or "")
        except (UserError, RuntimeError) as error:
            return (*[gr.skip()] * 7, problem(error))
        before = looked_at(batch, chosen)
        if kept is None and before != EDITED:
            kept = before  # what it was before the change is what one wants to see beside it
        shown = look(batch, rollout, EDITED, kept, as_)
        return rollout, EDITED, kept, *shown, str(time.monotonic()), ""

    all_of_it = [batch_state, edited_state, chosen_state, kept_state, view]
    looks = [opened, keep, open_state]
    # Runs end while the page is open.
    policy.focus(lambda: gr.Dropdown(sample_form.specs(bench)), None, policy, **LOOK)
    running = go.click(
        run,
        [*picker.inputs, policy, reward, count, heat, top_p, limit, seed],
        [
            batch_state, edited_state, chosen_state, kept_state,
            numbers, grown, wrong, go, halt,
        ],
        **QUIET,
    )  # fmt: skip
    halt.click(
        stopped, batch_state, [batch_state, numbers, grown, go, halt], cancels=[running], **QUIET
    )
    sifting = [batch_state, edited_state, chosen_state, order, outcome, solved, words]
    gr.on(
        [e.change for e in (grown, order, outcome, solved, words)],
        sift, sifting, listed, trigger_mode="always_last", **LOOK,
    )  # fmt: skip
    # One after the other, and none left out: keys come faster than answers.
    turn: dict[str, Any] = {**QUIET, "concurrency_limit": 1, "concurrency_id": "sample-look"}
    grown.change(grow, [*all_of_it, open_state], [*looks, editor], **turn)
    listed.click(
        pick, [batch_state, edited_state, kept_state, view], [chosen_state, *looks, editor],
        trigger_mode="multiple", **turn,
    )  # fmt: skip
    view.change(look, all_of_it, looks, **turn)
    keep.click(
        keep_it, [batch_state, edited_state, chosen_state, kept_state], kept_state, **turn
    ).then(look, all_of_it, looks, **turn)
    again.click(
        repeat, [*all_of_it, editor],
        [edited_state, chosen_state, kept_state, *looks, grown, wrong], **QUIET,
    )  # fmt: skip
