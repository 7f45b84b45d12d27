"""Tab "Tasks": the gallery of a data set, and the chosen task with its prompt."""

import re
from functools import partial
from html import escape
from typing import Any

from arcbench.errors import UserError
from arcbench.ui import html
from arcbench.ui.events import PICK_JS, warn
from arcbench.ui.picker import Picker
from arcbench.workbench import Workbench


def gallery(bench: Workbench, dataset: str, split: str) -> str:
    """Thumbnails of all tasks of a data set, and what of it could not be read."""
    try:
        tasks = bench.tasks(dataset, split)
    except UserError as error:
        return html.note(str(error), "error")
    if not tasks:
        return html.note("There is no task in this data set.")
    problems = "".join(html.note(f"left out: {p}", "warning") for p in tasks.problems[:5])
    thumbs = "".join(html.thumbnail(task) for task in tasks.values())
    return f'{problems}<div class="ab-gallery">{thumbs}</div>'


def page(bench: Workbench, dataset: str, split: str, task_id: str | None) -> str:
    """The chosen task: its pairs, each input beside its output."""
    if not task_id:
        return html.note("Choose a task: type an id above, or click one in the gallery.")
    try:
        task = bench.tasks(dataset, split).task(task_id)
    except UserError as error:
        return html.note(str(error), "error")
    head = (
        f'<div class="ab-title"><b>{escape(task.id)}</b><span class="ab-dim">'
        f"{len(task.train)} train pairs, {len(task.test)} test</span></div>"
    )
    return _mark_in_gallery(task.id) + head + html.task_page(task)


def _mark_in_gallery(task_id: str) -> str:
    """A rule that marks the thumbnail, so that the gallery need not be sent again."""
    if not re.fullmatch(r"[\w.-]+", task_id):
        return ""
    return (
        f'<style>.ab-thumb[data-task="{task_id}"]{{border-color:var(--color-accent)'
        " !important;box-shadow:0 0 0 1px var(--color-accent) !important}</style>"
    )


def prompt(bench: Workbench, dataset: str, split: str, task_id: str | None) -> str:
    """The chat messages that a policy gets for the task."""
    if not task_id:
        return html.note("No task is chosen.")
    try:
        return html.prompt_text(bench.prompt(bench.tasks(dataset, split).task(task_id)))
    except UserError as error:
        return html.note(str(error), "error")


def build(bench: Workbench, picker: Picker) -> None:
    """Lay out the tab and wire it."""
    import gradio as gr

    start = (picker.dataset.value, picker.split.value)
    with gr.Row():
        with gr.Column(scale=5, min_width=380):
            shown = gr.HTML(gallery(bench, *start), js_on_load=PICK_JS, elem_id="ab-gallery")
        with gr.Column(scale=9, min_width=520):
            chosen = gr.HTML(page(bench, *start, picker.task.value), elem_id="ab-task-page")
            with gr.Accordion("Prompt: what the policy reads", open=False):
                words = gr.HTML(prompt(bench, *start, picker.task.value), elem_id="ab-prompt")

    def pick(dataset: str, split: str, event: gr.EventData) -> Any:
        try:
            return bench.tasks(dataset, split).task(str(event.task)).id
        except UserError as error:
            warn(error)
            return gr.skip()

    source = [picker.dataset, picker.split]
    gr.on(
        [picker.dataset.change, picker.split.change],
        partial(gallery, bench),
        source,
        shown,
        show_progress="hidden",
    )
    shown.click(pick, source, picker.task, show_progress="hidden")
    picker.task.change(partial(page, bench), picker.inputs, chosen, show_progress="hidden")
    picker.task.change(partial(prompt, bench), picker.inputs, words, show_progress="hidden")
