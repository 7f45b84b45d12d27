"""The head of the page: which data set, split and task all tabs speak of."""

from collections.abc import Sequence
from dataclasses import dataclass
from functools import partial
from typing import Any

from arcbench.ui.events import QUIET, guarded
from arcbench.workbench import Workbench

SPLITS = [("training", "training"), ("evaluation", "evaluation"), ("all", "")]
# Dark or light as the system has it, until the reader says otherwise; gradio's own ?__theme counts.
THEME_JS = """
const key = 'arcbench-theme';
const say = (dark) => document.body.classList.toggle('dark', dark);
const kept = localStorage.getItem(key);
if (kept && !new URLSearchParams(location.search).has('__theme')) say(kept === 'dark');
element.addEventListener('click', (event) => {
  if (!event.target.closest('#ab-theme')) return;
  const dark = !document.body.classList.contains('dark');
  say(dark);
  localStorage.setItem(key, dark ? 'dark' : 'light');
});
"""
FIRST_TASK = "67a3c6ac"  # small, and the embedded policy solves it sometimes


@dataclass(frozen=True, kw_only=True, slots=True)
class Picker:
    """The components whose values the tabs take as inputs."""

    dataset: Any  # gr.Dropdown of str
    split: Any  # gr.Dropdown of str
    task: Any  # gr.Dropdown of str

    @property
    def inputs(self) -> list[Any]:
        """The three, in the order in which handlers take them."""
        return [self.dataset, self.split, self.task]


def task_ids(bench: Workbench, dataset: str, split: str) -> list[str]:
    """The ids of a data set's tasks; UserError where there is no such data set."""
    return list(bench.tasks(dataset, split or None))


def neighbour(ids: Sequence[str], current: str | None, step: int) -> str | None:
    """The id `step` places on, round the corner at the ends; the first where none is current."""
    if not ids:
        return None
    if current not in ids:
        return ids[0]
    return ids[(ids.index(current) + step) % len(ids)]


def build(bench: Workbench) -> Picker:
    """Lay out the head and wire it."""
    import gradio as gr

    ids = task_ids(bench, bench.datasets()[0], SPLITS[0][1])
    first = FIRST_TASK if FIRST_TASK in ids else ids[0]
    with gr.Row(elem_id="ab-head"):
        gr.HTML(
            "<h1>arcbench</h1><p><span>a workbench for ARC policies</span> "
            '<button type="button" id="ab-theme" aria-label="dark or light" '
            'title="dark or light">◐</button></p>',
            js_on_load=THEME_JS,
            elem_id="ab-brand",
            min_width=190,
        )
        dataset = gr.Dropdown(
            list(bench.datasets()),
            value=bench.datasets()[0],
            label="Data set",
            allow_custom_value=True,
            min_width=140,
            elem_id="ab-dataset",
        )
        split = gr.Dropdown(
            SPLITS, value=SPLITS[0][1], label="Split", min_width=120, elem_id="ab-split"
        )
        task = gr.Dropdown(
            ids,
            value=first,
            label=f"Task ({len(ids)}; type to search)",
            min_width=200,
            elem_id="ab-task",
        )
        before = gr.Button("‹ Previous", size="sm", min_width=104, scale=0, elem_id="ab-before")
        after = gr.Button("Next ›", size="sm", min_width=84, scale=0, elem_id="ab-after")

    def fill(dataset_name: str, split_name: str, current: str | None) -> Any:
        found = guarded(task_ids, bench, dataset_name, split_name)
        chosen = current if current in found else next(iter(found), None)
        return gr.Dropdown(found, value=chosen, label=f"Task ({len(found)}; type to search)")

    def move(step: int, dataset_name: str, split_name: str, current: str | None) -> Any:
        return neighbour(guarded(task_ids, bench, dataset_name, split_name), current, step)

    picker = Picker(dataset=dataset, split=split, task=task)
    gr.on([dataset.change, split.change], fill, picker.inputs, task, **QUIET)
    before.click(partial(move, -1), picker.inputs, task, **QUIET)
    after.click(partial(move, 1), picker.inputs, task, **QUIET)
    return picker
