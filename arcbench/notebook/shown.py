"""Values as HTML for a notebook: grids, tasks, prompts, rollouts, runs, figures, tables."""

from collections.abc import Iterable, Mapping, Sequence
from html import escape
from typing import TYPE_CHECKING, Any

import numpy as np

from arcbench.errors import UserError
from arcbench.grids import as_grid
from arcbench.notebook.sheet import wrapped
from arcbench.policies.base import Message
from arcbench.render import grid_svg
from arcbench.rollouts import Rollout
from arcbench.runs import RunStore
from arcbench.sandbox.types import Failure
from arcbench.tasks import Task, TaskSet
from arcbench.ui import html, runs_html

if TYPE_CHECKING:
    from matplotlib.figure import Figure

GALLERY = 24  # tasks of a data set that are shown


class Shown:
    """HTML that a notebook shows where a cell ends with it, and plain text elsewhere."""

    def __init__(self, content: str, text: str = "") -> None:
        self.content = content  # without the style around it
        self.text = text or "(shown as HTML)"

    def bundle(self) -> dict[str, str]:
        """Both forms, by their kinds."""
        return {"text/html": wrapped(self.content), "text/plain": self.text}

    def _repr_mimebundle_(self, include: Any = None, exclude: Any = None) -> dict[str, str]:
        return self.bundle()

    def _repr_html_(self) -> str:
        return wrapped(self.content)

    def __repr__(self) -> str:
        return self.text


def show(value: Any, *, title: str = "", max_px: int = 180) -> Shown:
    """A grid (array or nested lists), task, data set, rollout, run, prompt or Figure.

    `title` stands above it; `max_px` is the longer side of a grid. UserError for anything else.
    """
    head = f"<h4>{escape(title)}</h4>" if title else ""
    made = _content(value, max_px)
    return Shown(head + made.content, made.text)


def _content(value: Any, max_px: int) -> Shown:
    if isinstance(value, Shown):
        return value
    if isinstance(value, Task):
        return Shown(html.task_page(value), f"task {value.id}: {len(value.pairs)} pairs")
    if isinstance(value, TaskSet):
        return _gallery(value)
    if isinstance(value, Rollout):
        return show_rollout(None, value)
    if isinstance(value, RunStore):
        return Shown(run_line(value), f"run {value.name}: {value.status().state.value}")
    if isinstance(value, np.ndarray):
        return Shown(grid_svg(as_grid(value), max_px=max_px), str(value))
    if hasattr(value, "savefig"):
        return show_figure(value)
    if isinstance(value, list | tuple) and value and isinstance(value[0], Mapping):
        return show_prompt(value)
    if isinstance(value, list | tuple) and value and isinstance(value[0], Sequence):
        return Shown(grid_svg(as_grid(value), max_px=max_px), str(value))
    raise UserError(
        f"nothing to show of a {type(value).__name__}: show takes a grid, a task, a rollout, a "
        "run, the messages of a prompt or a Figure"
    )


def _gallery(tasks: TaskSet) -> Shown:
    """The first pair of the first tasks."""
    figures = "".join(
        f'<figure><figcaption class="ab-id">{escape(task.id)}</figcaption>{_small(task)}</figure>'
        for task in list(tasks.values())[:GALLERY]
    )
    more = f", the first {GALLERY} of them" if len(tasks) > GALLERY else ""
    problems = f"; {len(tasks.problems)} could not be read" if tasks.problems else ""
    said = f"{tasks.name}: {len(tasks)} tasks{more}{problems}"
    return Shown(f'<p class="ab-dim">{escape(said)}</p><div class="ab-grids">{figures}</div>', said)


def _small(task: Task) -> str:
    pair = task.train[0]
    grids = [grid for grid in (pair.input, pair.output) if grid is not None]
    side = max(max(grid.shape) for grid in grids)  # both to the same scale
    shown = (grid_svg(g, max_px=round(56 * max(g.shape) / side), label=task.id) for g in grids)
    return f'<div class="ab-pair-grids">{"".join(shown)}</div>'


def show_grids(grids: Iterable[Any], titles: Sequence[str] = (), *, max_px: int = 150) -> Shown:
    """Grids beside each other, each below its title."""
    shown = [as_grid(g) for g in grids]
    names = [*titles, *[""] * len(shown)]
    figures = "".join(
        f"<figure><figcaption>{escape(name)}</figcaption>"
        f"{grid_svg(grid, max_px=max_px, label=name or 'grid')}</figure>"
        for grid, name in zip(shown, names, strict=False)
    )
    return Shown(f'<div class="ab-grids">{figures}</div>', f"{len(shown)} grids")


def show_prompt(messages: Sequence[Message]) -> Shown:
    """The chat messages that a policy gets."""
    text = "\n".join(f"[{m['role']}]\n{m['content']}" for m in messages)
    return Shown(html.prompt_text(messages), text)


def show_rollout(task: Task | None, rollout: Rollout, *, best: float | None = None) -> Shown:
    """One rollout: program, outcome, reward by parts and, with its task, all pairs.

    `task` is the one that the program ran on (see `Workbench.seen_task`); `best` is the reward
    that fills the bar.
    """
    full = rollout.reward.total if best is None else best
    content = html.detail(task, rollout, full)
    if task is None:
        outputs = [o for o in rollout.execution.outputs if not isinstance(o, Failure)]
        content += show_grids(outputs, [f"output {i + 1}" for i in range(len(outputs))]).content
    return Shown(content, rollout_text(rollout))


def show_cards(rollouts: Iterable[Rollout], *, best: float | None = None) -> Shown:
    """Rollouts as cards, the best reward first."""
    ordered = sorted(rollouts, key=lambda r: (-r.reward.total, r.index))
    full = best if best is not None else max((r.reward.total for r in ordered), default=1.0)
    cards = "".join(html.card(r, full) for r in ordered)
    return Shown(f'<div class="ab-cards">{cards}</div>', "\n".join(map(rollout_text, ordered)))


def show_figure(figure: "Figure", label: str = "plot") -> Shown:
    """A matplotlib Figure as SVG in the colours of the page."""
    from arcbench.plots import figure_svg

    # Not wider than it was made for: an SVG would fill the page, its letters with it.
    width = round(96 * figure.get_figwidth())
    svg = figure_svg(figure, escape(label))
    return Shown(f'<div style="max-width: {width}px">{svg}</div>', label)


def table(
    rows: Sequence[Mapping[str, Any]] | Sequence[Sequence[Any]], heads: Sequence[str] = ()
) -> Shown:
    """A table: rows as mappings (their keys are the heads) or as sequences below `heads`.

    Numbers stand right, floats with three digits; a `Shown` in a cell is shown as it is.
    """
    names = list(heads)
    lines: list[list[Any]] = []
    for row in rows:
        if isinstance(row, Mapping):
            names = names or list(row)
            lines.append([row.get(name, "") for name in names])
        else:
            lines.append(list(row))
    head = "".join(f'<th scope="col">{escape(str(n))}</th>' for n in names)
    body = "".join(f"<tr>{''.join(_cell(v) for v in line)}</tr>" for line in lines)
    text = "\n".join("\t".join(map(cell_text, line)) for line in [names, *lines])
    return Shown(
        f'<table class="ab-data"><thead><tr>{head}</tr></thead><tbody>{body}</tbody></table>', text
    )


def cell_text(value: Any) -> str:
    """A value as it stands in a table."""
    if isinstance(value, bool) or value is None:
        return {True: "yes", False: "no", None: "–"}[value]
    if isinstance(value, float):
        return f"{value:.3g}"
    if isinstance(value, int | np.integer):
        return f"{value:,}"
    return str(value)


def _cell(value: Any) -> str:
    if isinstance(value, Shown):
        return f"<td>{value.content}</td>"
    number = isinstance(value, int | float | np.number) and not isinstance(value, bool)
    kind = ' class="ab-number"' if number else ""
    return f"<td{kind}>{escape(cell_text(value))}</td>"


def rollout_text(rollout: Rollout) -> str:
    """A rollout in a line."""
    return (
        f"#{rollout.index + 1} {rollout.task_id}: {html.verdict(rollout)[1]}, "
        f"reward {rollout.reward.total:.2f}"
    )


def run_line(store: RunStore) -> str:
    """Name, state and step of a run in a line."""
    status = store.status()
    of = f" of {status.total_steps}" if status.total_steps else ""
    said = status.phase if not status.state.over else status.reason
    return (
        f'<div class="ab-run"><code>{escape(store.name)}</code>{runs_html.state_badge(status)}'
        f'<span>step {status.step}{of}</span><span class="ab-dim">{escape(said)}</span></div>'
    )
