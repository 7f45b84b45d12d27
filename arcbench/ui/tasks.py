"""Tab "Tasks": the gallery of a data set, and the chosen task with its prompt."""

import re
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from functools import partial
from html import escape
from typing import Any

import numpy as np

from arcbench.augment import Augmentation
from arcbench.errors import UserError
from arcbench.grids import COLOR_NAMES
from arcbench.solutions import TaskTally
from arcbench.tasks import Task
from arcbench.ui import html, tasks_known
from arcbench.ui.events import LOOK, PICK_JS, QUIET, picked, whole
from arcbench.ui.picker import Picker
from arcbench.workbench import Workbench

SIZES = {"any": 30, "≤ 5": 5, "≤ 10": 10, "≤ 20": 20}  # of the longest side
PAIRS = ("any", "2", "3", "4", "5+")
SHAPES = ("any", "same size", "other size")  # of the output, beside the input
# What became of a task in an evaluation.
JUDGED = ("any", "solved", "not solved", "has a signal", "not sampled")
NO_EVALUATION = ""
COUNTING = (
    "The tokens are being counted: the first time a tokenizer is loaded, which takes seconds."
)
SEARCHING = "Evaluations and runs are being searched."


@dataclass(frozen=True, kw_only=True, slots=True)
class TaskFilter:
    """Which tasks the gallery shows."""

    words: str = ""  # part of an id
    size: str = "any"
    pairs: str = "any"  # train pairs
    shape: str = "any"
    judged: str = "any"  # what became of it in the evaluation of `tallies`

    def takes(self, task: Task, tallies: Mapping[str, TaskTally] | None = None) -> bool:
        """Whether a task is shown; `tallies` are those of the chosen evaluation, if any."""
        return self._fits(task) and (tallies is None or self._became(tallies.get(task.id)))

    def _became(self, tally: TaskTally | None) -> bool:
        if self.judged == "any":
            return True
        if tally is None:
            return self.judged == "not sampled"
        found = {"solved": tally.solved > 0, "not solved": tally.solved == 0}
        return found.get(self.judged, self.judged == "has a signal" and tally.has_signal)

    def _fits(self, task: Task) -> bool:
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


def gallery(
    bench: Workbench,
    dataset: str,
    split: str,
    wanted: TaskFilter | None = None,
    evaluation: str = NO_EVALUATION,
) -> str:
    """Thumbnails of the tasks that a filter takes, and what of the data set could not be read.

    With an evaluation each tells how many of its samples solved it.
    """
    try:
        tasks = bench.tasks(dataset, split)
        tallies = bench.tallies(evaluation) if evaluation else None
    except UserError as error:
        return html.note(str(error), "error")
    if not tasks:
        return html.note("There is no task in this data set.")
    wanted = wanted or TaskFilter()
    if tallies is None and wanted.judged != "any":
        return html.note(
            f"Choose an evaluation (Judged in) to see which tasks are: {wanted.judged}."
        )
    found = [task for task in tasks.values() if wanted.takes(task, tallies)]
    if not found:
        return html.note("No task fits these filters. Take one of them away.")
    problems = "".join(html.note(f"left out: {p}", "warning") for p in tasks.problems[:5])
    thumbs = "".join(html.thumbnail(task, _share(task, tallies)) for task in found)
    of = f"{len(found)} of {len(tasks)} tasks" if len(found) < len(tasks) else f"{len(tasks)} tasks"
    return (
        f'{problems}<p class="ab-dim ab-count" role="status">{of}</p>'
        f'<div class="ab-gallery">{thumbs}</div>'
    )


def _share(task: Task, tallies: Mapping[str, TaskTally] | None) -> str:
    """How many samples of a task solved it, by sign and number."""
    tally = None if tallies is None else tallies.get(task.id)
    if tally is None:
        return ""
    return f"{'✓' if tally.solved else '✗'} {tally.solved}/{tally.samples}"


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
    first = (*start, picker.task.value)
    with gr.Row():
        with gr.Column(scale=5, min_width=380):
            with gr.Row(elem_id="ab-task-filters"):
                words = gr.Textbox(
                    "", label="Id", placeholder="find  /", min_width=70, elem_classes=["ab-slash"]
                )
                size = gr.Dropdown(list(SIZES), value="any", label="Sides", min_width=70)
                pairs = gr.Dropdown(list(PAIRS), value="any", label="Pairs", min_width=70)
                shape = gr.Dropdown(list(SHAPES), value="any", label="Output", min_width=100)
            with gr.Row(elem_id="ab-task-judged"):
                evaluation = gr.Dropdown(
                    _evaluations(bench), value=NO_EVALUATION, label="Judged in", min_width=150,
                    scale=2, elem_id="ab-judged-in",
                )  # fmt: skip
                judged = gr.Dropdown(
                    list(JUDGED), value="any", label="Result", min_width=110, elem_id="ab-judged"
                )
            shown = gr.HTML(gallery(bench, *start), js_on_load=PICK_JS, elem_id="ab-gallery")
        with gr.Column(scale=9, min_width=520):
            chosen = gr.HTML(page(bench, *first), elem_id="ab-task-page")
            with gr.Accordion("As an augmentation has it", open=False):
                seed = gr.Number(1, label="Augmentation", precision=0, elem_id="ab-augmentation")
                other = gr.HTML(augmented(bench, *first, 1), elem_id="ab-augmented")
            with gr.Accordion("Prompt: what the policy reads", open=False) as of_prompt:
                count = gr.HTML(html.note(COUNTING, "busy"), elem_id="ab-tokens")
                text = gr.HTML(prompt(bench, *first), elem_id="ab-prompt")
            with gr.Accordion("Programs that solve it", open=False) as of_programs:
                known = gr.HTML(html.note(SEARCHING, "busy"), elem_id="ab-programs")

    def sift(
        dataset: str, split: str, judge: str, part: str, sides: str, pairs: str, out: str, was: str
    ) -> str:
        wanted = TaskFilter(words=part, size=sides, pairs=pairs, shape=out, judged=was)
        return gallery(bench, dataset, split, wanted, judge or NO_EVALUATION)

    source = [picker.dataset, picker.split]
    filters: list[Any] = [evaluation, words, size, pairs, shape, judged]
    gr.on(
        [picker.dataset.change, picker.split.change, *(f.change for f in filters)],
        sift, [*source, *filters], shown, trigger_mode="always_last", **LOOK,
    )  # fmt: skip
    evaluation.focus(lambda: gr.Dropdown(_evaluations(bench)), None, evaluation, **LOOK)
    gr.on(
        [picker.task.change, seed.change],
        partial(augmented, bench), [*picker.inputs, seed], other, **LOOK,
    )  # fmt: skip
    shown.click(None, None, picker.task, js=picked("ab-gallery", "task"))
    picker.task.change(partial(page, bench), picker.inputs, chosen, **LOOK)
    picker.task.change(partial(prompt, bench), picker.inputs, text, **LOOK)
    # These two read much, so only while they are looked at.
    for box, made, target in (
        (of_prompt, tasks_known.token_counts, count),
        (of_programs, tasks_known.programs, known),
    ):
        is_open = gr.State(False)
        filled: dict[str, Any] = {
            "fn": partial(_if_open, partial(made, bench)), "inputs": [is_open, *picker.inputs],
            "outputs": target, **QUIET,
        }  # fmt: skip
        box.expand(lambda: True, None, is_open, **LOOK).then(**filled)
        box.collapse(lambda: False, None, is_open, **LOOK)
        picker.task.change(**filled)


def _if_open(make: Callable[..., str], is_open: bool, *values: Any) -> Any:
    import gradio as gr

    return make(*values) if is_open else gr.skip()


def _evaluations(bench: Workbench) -> list[tuple[str, str]]:
    names = [store.name for store in bench.evaluations()]
    return [("no evaluation", NO_EVALUATION), *((name, name) for name in names)]
