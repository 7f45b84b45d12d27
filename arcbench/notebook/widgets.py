"""Parts of a notebook that answer to the reader: plain ipywidgets, and HTML where there are none.

Each is shown by being the last value of a cell. Its output has the widget and the same as HTML:
JupyterLab and VS Code show the widget; a page made of the notebook, and an environment without
ipywidgets, the HTML.
"""

from abc import ABC, abstractmethod
from collections.abc import Callable, Sequence
from functools import partial
from html import escape
from importlib import import_module
from typing import TYPE_CHECKING, Any
from uuid import uuid4

import numpy as np

from arcbench.augment import Augmentation
from arcbench.errors import UserError
from arcbench.notebook.sheet import wrapped
from arcbench.notebook.shown import Shown, rollout_text
from arcbench.rollouts import Rollout
from arcbench.tasks import Task
from arcbench.ui import html

if TYPE_CHECKING:
    from arcbench.workbench import Workbench

VIEW = "application/vnd.jupyter.widget-view+json"


def _ipywidgets() -> Any:
    """The library; None where it is not installed."""
    try:
        return import_module("ipywidgets")
    except ModuleNotFoundError:
        return None


class Interactive(ABC):
    """What they share: one widget that is built when it is first shown, and its static form."""

    def __init__(self) -> None:
        self._widget: Any = None
        self._display_id = uuid4().hex

    @abstractmethod
    def content(self) -> str:
        """What it shows now, as HTML."""

    @abstractmethod
    def build(self, widgets: Any) -> Any:
        """The widget, made of the library `widgets`."""

    def bundle(self) -> dict[str, Any]:
        """What a notebook gets: the widget where that is possible, HTML and text always."""
        made: dict[str, Any] = {"text/plain": repr(self), "text/html": wrapped(self.content())}
        widgets = _ipywidgets()
        if widgets is not None:
            if self._widget is None:
                self._widget = self.build(widgets)
            made[VIEW] = self._widget._repr_mimebundle_()[VIEW]
        return made

    def _ipython_display_(self) -> None:
        from IPython.display import display

        display(self.bundle(), raw=True, display_id=self._display_id)  # type: ignore[no-untyped-call]

    def refresh(self) -> None:
        """Bring the output where it stands to what it would be now; for pages made of it later."""
        from IPython.display import update_display

        update_display(self.bundle(), raw=True, display_id=self._display_id)  # type: ignore[no-untyped-call]


class Pages(Interactive):
    """One of several pages, chosen by a slider."""

    def __init__(
        self, pages: Sequence[tuple[str, Callable[[], str]]], *, name: str, start: int = 0
    ) -> None:
        super().__init__()
        if not pages:
            raise UserError(f"nothing to show: there is no {name}")
        self._pages = list(pages)
        self._name = name
        self.at = start % len(self._pages)  # which one is shown, from 0

    def __repr__(self) -> str:
        return f"{self._name} {self.at + 1} of {len(self._pages)}: {self._pages[self.at][0]}"

    def content(self) -> str:
        """The page that is chosen."""
        label, page = self._pages[self.at]
        return f'<p class="ab-dim">{escape(label)}</p>{page()}'

    def build(self, widgets: Any) -> Any:
        """A slider above the page."""
        slider = widgets.IntSlider(
            value=self.at + 1, min=1, max=len(self._pages), description=self._name,
            continuous_update=True, layout=widgets.Layout(width="420px"),
        )  # fmt: skip
        page = widgets.HTML(wrapped(self.content()))

        def turn(change: dict[str, Any]) -> None:
            self.at = int(change["new"]) - 1
            page.value = wrapped(self.content())

        slider.observe(turn, names="value")
        return widgets.VBox([slider, page])


def browse(pages: Sequence[tuple[str, Shown]], *, name: str = "page") -> Pages:
    """A slider over anything that `show` and its like make: (label, shown) of each page."""
    return Pages([(label, partial(getattr, shown, "content")) for label, shown in pages], name=name)


class RolloutSlider(Pages):
    """Rollouts of one task, one at a time; the one that is shown is `rollout`."""

    def __init__(self, task: Task | None, rollouts: Sequence[Rollout], *, best: float) -> None:
        self.rollouts = list(rollouts)
        pages = [(rollout_text(r), partial(html.detail, task, r, best)) for r in self.rollouts]
        super().__init__(pages, name="rollout")

    @property
    def rollout(self) -> Rollout:
        """The rollout that is shown."""
        return self.rollouts[self.at]


def rollout_slider(
    task: Task | None, rollouts: Sequence[Rollout], *, best: float | None = None
) -> RolloutSlider:
    """A slider over rollouts: program, outcome, reward, and the grids of every pair.

    `task` is the one that the programs ran on; `best` is the reward that fills the bar.
    """
    top = max((r.reward.total for r in rollouts), default=1.0) if best is None else best
    return RolloutSlider(task, rollouts, best=top)


def augmentations(task: Task, *, n: int = 12, seed: int = 0) -> Pages:
    """A slider over the task as it is and `n` augmentations of it, drawn as training does."""
    rng = np.random.default_rng(seed)
    drawn = [Augmentation.identity(task), *(Augmentation.draw(rng, task) for _ in range(n))]
    pages = [(_said(a), partial(html.task_page, a.apply(task))) for a in drawn]
    return Pages(pages, name="draw")


def _said(a: Augmentation) -> str:
    """What an augmentation does, in a line."""
    if a.is_identity:
        return "as it is"
    turned = f"turned by {90 * a.quarter_turns}°" if a.quarter_turns else "not turned"
    flipped = "mirrored" if a.flip else "not mirrored"
    colors = " ".join(f"{c}→{d}" for c, d in enumerate(a.colors) if c != d)
    order = " ".join(str(i + 1) for i in a.pair_order)
    return f"{turned}, {flipped}; colours {colors or 'as they are'}; train pairs {order}"


class TaskPicker(Interactive):
    """A task of a data set, chosen by its id or by a slider; the one that is shown is `task`."""

    def __init__(self, tasks: Sequence[Task], start: int) -> None:
        super().__init__()
        self._tasks = list(tasks)
        self.at = start

    def __repr__(self) -> str:
        return f"task {self.task.id} ({self.at + 1} of {len(self._tasks)})"

    @property
    def task(self) -> Task:
        """The task that is shown."""
        return self._tasks[self.at]

    def content(self) -> str:
        """All pairs of the task."""
        task = self.task
        return (
            f'<p class="ab-title"><b>{escape(task.id)}</b> '
            f'<span class="ab-dim">{escape(task.source)}</span></p>{html.task_page(task)}'
        )

    def build(self, widgets: Any) -> Any:
        """A field for the id and a slider, above the pairs."""
        ids = [t.id for t in self._tasks]
        field = widgets.Combobox(
            value=self.task.id, options=ids, ensure_option=False, description="task",
            continuous_update=False, layout=widgets.Layout(width="220px"),
        )  # fmt: skip
        slider = widgets.IntSlider(
            value=self.at + 1, min=1, max=len(ids), description="number",
            layout=widgets.Layout(width="420px"),
        )  # fmt: skip
        page = widgets.HTML(wrapped(self.content()))

        def chosen(change: dict[str, Any]) -> None:
            if change["new"] in ids:
                slider.value = ids.index(change["new"]) + 1

        def turned(change: dict[str, Any]) -> None:
            self.at = int(change["new"]) - 1
            field.value = self.task.id
            page.value = wrapped(self.content())

        field.observe(chosen, names="value")
        slider.observe(turned, names="value")
        return widgets.VBox([widgets.HBox([field, slider]), page])


def task_picker(
    bench: "Workbench",
    dataset: str = "arc-agi-1",
    split: str | None = "training",
    *,
    task_id: str | None = None,
) -> TaskPicker:
    """The tasks of a data set to look through, `task_id` first."""
    tasks = bench.tasks(dataset, split)
    if task_id is not None:
        tasks.task(task_id)
    ids = list(tasks)
    return TaskPicker(list(tasks.values()), 0 if task_id is None else ids.index(task_id))
