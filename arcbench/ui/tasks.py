"""Tab "Tasks": the gallery of a data set, and the chosen task with its prompt."""

import re
from dataclasses import dataclass
from functools import partial
from html import escape
from typing import Any

import numpy as np

from arcbench.augment import Augmentation
from arcbench.errors import UserError
from arcbench.grids import COLOR_NAMES
from arcbench.tasks import Task
from arcbench.ui import html
from arcbench.ui.events import PICK_JS, warn, whole
from arcbench.ui.picker import Picker
from arcbench.workbench import Workbench

SIZES = {"any": 30, "≤ 5": 5, "≤ 10": 10, "≤ 20": 20}  # of the longest side
PAIRS = ("any", "2", "3", "4", "5+")
SHAPES = ("any", "same size", "other size")  # of the output, beside the input


@dataclass(frozen=True, kw_only=True, slots=True)
class TaskFilter:
    """Which tasks the gallery shows."""

    words: str = ""  # part of an id
    size: str = "any"
    pairs: str = "any"  # train pairs
    shape: str = "any"

    def takes(self, task: Task) -> bool:
        """Whether a task is shown."""
        known = [p for _, p in task.pairs if p.output is not None]
        grids = [grid for p in known for grid in (p.input, p.output) if grid is not None]
        same = all(p.output is not None and p.input.shape == p.output.shape for p in known)
        count = len(task.train)
        return (
            self.words.strip().lower() in task.id.lower()
            and max(max(grid.shape) for grid in grids) <= SIZES[self.size]
            and self.pairs in ("any", "5+" if count >= 5 else str(count))
            and (self.shape == "any" or same == (self.shape == SHAPES[1]))
        )


def gallery(bench: Workbench, dataset: str, split: str, wanted: TaskFilter | None = None) -> str:
    """Thumbnails of the tasks that a filter takes, and what of the data set could not be read."""
    try:
        tasks = bench.tasks(dataset, split)
    except UserError as error:
        return html.note(str(error), "error")
    if not tasks:
        return html.note("There is no task in this data set.")
    wanted = wanted or TaskFilter()
    found = [task for task in tasks.values() if wanted.takes(task)]
    if not found:
        return html.note("No task fits these filters. Take one of them away.")
    problems = "".join(html.note(f"left out: {p}", "warning") for p in tasks.problems[:5])
    thumbs = "".join(html.thumbnail(task) for task in found)
    of = f"{len(found)} of {len(tasks)} tasks" if len(found) < len(tasks) else f"{len(tasks)} tasks"
    return (
        f'{problems}<p class="ab-dim ab-count" role="status">{of}</p>'
        f'<div class="ab-gallery">{thumbs}</div>'
    )


def augmented(
    bench: Workbench, dataset: str, split: str, task_id: str | None, seed: float | None
) -> str:
    """The chosen task as one augmentation has it, and what the augmentation is."""
    if not task_id:
        return html.note("No task is chosen.")
    try:
        task = bench.tasks(dataset, split).task(task_id)
        number = whole(seed, "Augmentation", 0)
    except UserError as error:
        return html.note(str(error), "error")
    drawn = Augmentation.draw(np.random.default_rng(number), task)
    swapped = ", ".join(
        f"{COLOR_NAMES[a]} → {COLOR_NAMES[b]}" for a, b in enumerate(drawn.colors) if a != b
    )
    order = ", ".join(str(i + 1) for i in drawn.pair_order)
    words = (
        f"turned {90 * drawn.quarter_turns}°"
        + (", mirrored" if drawn.flip else "")
        + f"; train pairs in the order {order}; colours: {swapped or 'as they are'}"
    )
    return f'<p class="ab-dim">{escape(words)}</p>{html.task_page(drawn.apply(task))}'


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
            with gr.Row(elem_id="ab-task-filters"):
                words = gr.Textbox("", label="Id", placeholder="find", min_width=70)
                size = gr.Dropdown(list(SIZES), value="any", label="Sides", min_width=70)
                pairs = gr.Dropdown(list(PAIRS), value="any", label="Pairs", min_width=70)
                shape = gr.Dropdown(list(SHAPES), value="any", label="Output", min_width=100)
            shown = gr.HTML(gallery(bench, *start), js_on_load=PICK_JS, elem_id="ab-gallery")
        with gr.Column(scale=9, min_width=520):
            chosen = gr.HTML(page(bench, *start, picker.task.value), elem_id="ab-task-page")
            with gr.Accordion("As an augmentation has it", open=False):
                seed = gr.Number(1, label="Augmentation", precision=0, elem_id="ab-augmentation")
                other = gr.HTML(
                    augmented(bench, *start, picker.task.value, 1), elem_id="ab-augmented"
                )
            with gr.Accordion("Prompt: what the policy reads", open=False):
                text = gr.HTML(prompt(bench, *start, picker.task.value), elem_id="ab-prompt")

    def pick(dataset: str, split: str, event: gr.EventData) -> Any:
        try:
            return bench.tasks(dataset, split).task(str(event.task)).id
        except UserError as error:
            warn(error)
            return gr.skip()

    def sift(dataset: str, split: str, part: str, sides: str, count: str, output: str) -> str:
        wanted = TaskFilter(words=part, size=sides, pairs=count, shape=output)
        return gallery(bench, dataset, split, wanted)

    source = [picker.dataset, picker.split]
    filters: list[Any] = [words, size, pairs, shape]
    gr.on(
        [picker.dataset.change, picker.split.change, *(f.change for f in filters)],
        sift,
        [*source, *filters],
        shown,
        show_progress="hidden",
    )
    gr.on(
        [picker.task.change, seed.change],
        partial(augmented, bench),
        [*picker.inputs, seed],
        other,
        show_progress="hidden",
    )
    shown.click(pick, source, picker.task, show_progress="hidden")
    picker.task.change(partial(page, bench), picker.inputs, chosen, show_progress="hidden")
    picker.task.change(partial(prompt, bench), picker.inputs, text, show_progress="hidden")
