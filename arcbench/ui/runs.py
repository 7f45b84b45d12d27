"""Tab "Runs": all runs side by side, and everything inside the chosen one."""

from collections.abc import Sequence
from dataclasses import dataclass
from functools import partial
from html import escape
from math import inf
from typing import Any

from arcbench.errors import UserError
from arcbench.evaluation.config import MARK
from arcbench.rewards import RewardScheme
from arcbench.rollout_index import ORDERS, RolloutFilter
from arcbench.runs import RunStore
from arcbench.sandbox.types import Outcome
from arcbench.training.config import TrainConfig
from arcbench.ui import html, run_report, runs_html, runs_sweep, tokens_html
from arcbench.ui.events import (
    LOOK,
    PICK_JS,
    QUIET,
    guarded,
    noted,
    number,
    picked,
    say_which,
    whole,
)
from arcbench.ui.runs_html import RunLine
from arcbench.workbench import Workbench

PAGE = 50  # rollouts
TICK_S = 4.0
FIRST_METRICS = ("reward/mean", "solve_rate", "length/mean", "policy/entropy")
ANY = ""
TABLE, SQUARES = "table", "squares by step"
PROGRAM, TOKENS = "program and pairs", "tokens"
MAX_SQUARES = 3000
NO_RUN = "Choose a run above."
NONE_FITS = "No run has these words in its name or in what it trains on."
VIEWS = ("curves", "rollouts", "report", "sweep", "settings")
SOLVED = {"all": None, "solved": True, "not solved": False}


def lines(bench: Workbench) -> list[RunLine]:
    """What the table says of each run, the newest first; read again where files changed."""
    found = (_line(bench, store) for store in bench.runs())
    return [line for line in found if line is not None]


def _line(bench: Workbench, store: RunStore) -> RunLine | None:
    """None for a folder that only looks like a run."""
    status, config = store.path / "status.json", store.path / "config.json"
    if not status.is_file() or bench.remembered.get(
        ("is no run", store.path), lambda: MARK in store.settings(), config
    ):
        return None
    known = bench.remembered.get(("status", store.path), store.status, status)
    return RunLine(
        name=store.name,
        # A process may be gone without a word in the file.
        status=known if known.state.over else store.status(),
        about=bench.remembered.get(("about", store.path), lambda: about(store), config),
        created=(store.path / "info.json").stat().st_mtime,
        metrics=bench.metrics(store.name),
    )


def about(store: RunStore) -> str:
    """What a run trains, and on what, in a few words."""
    try:
        config = TrainConfig.from_dict(store.config())
    except UserError:
        return "settings of another version"
    data, policy = config.data, config.policy
    tasks = data.tasks[0] if len(data.tasks) == 1 else config.data_name
    lora = f", LoRA {policy.lora.rank}" if policy.lora is not None else ""
    return f"{tasks} · {policy.model.rpartition('/')[2]}{lora} · LR {config.grpo.learning_rate:g}"


def marked(run: str) -> str:
    """A rule that marks a run's row, so that the table need not be sent again."""
    if not run:
        return ""
    return (
        f'<style>#ab-runs tr[data-run="{escape(run)}"]{{box-shadow:inset 3px 0 0 '
        "var(--color-accent);background:var(--background-fill-secondary) !important}</style>"
    )


def metric_names(bench: Workbench, runs: Sequence[str]) -> list[str]:
    """The metrics that any of the runs has, by name."""
    found = {name for run in runs for m in bench.metrics(run) for name in m}
    return sorted(found - {"step"})


def curves(bench: Workbench, run: str, others: Sequence[str], names: Sequence[str]) -> str:
    """The chosen metrics of a run and of those that it is compared with."""
    from arcbench import plots
    from arcbench.plots_metrics import overlay

    if not run:
        return html.note(NO_RUN)
    shown = {name: bench.metrics(name) for name in dict.fromkeys([run, *others])}
    if not any(shown.values()):
        return html.note("This run has done no step yet.")
    return plots.figure_svg(overlay(shown, names), f"metrics of {', '.join(shown)}")


def wanted(
    task: str, outcome: str, solved: str, first: str, last: str, reward: str
) -> RolloutFilter:
    """The filters of the form; an empty field does not matter."""
    return RolloutFilter(
        first_step=whole(first, "From step", 0) if first.strip() else None,
        last_step=whole(last, "To step", 0) if last.strip() else None,
        task_id=task or None,
        outcome=outcome or None,
        solved=SOLVED[solved],
        min_reward=number(reward, "Reward at least", -inf) if reward.strip() else None,
    )


def listing(
    bench: Workbench, run: str, filters: RolloutFilter, order: str, offset: int, form: str = TABLE
) -> str:
    """A page of the run's rollouts as a table, or all that fit the filters as squares by step."""
    if not run:
        return html.note(NO_RUN)
    if form == SQUARES:
        page = bench.rollouts(run, filters, limit=MAX_SQUARES + 1)
        if page.total > MAX_SQUARES:
            return html.note(
                f"{page.total:,} rollouts are too many to draw: choose a task, or fewer steps."
            )
    else:
        page = bench.rollouts(run, filters, order=order, offset=offset, limit=PAGE)
    if not page.total and filters == RolloutFilter():
        return html.note("This run has no rollout yet: the first step writes them.")
    if form == SQUARES:
        return runs_html.squares(page, best_reward(bench.run(run)))
    return runs_html.rollout_table(page, offset)


def turned(bench: Workbench, run: str, filters: RolloutFilter, offset: int, by: int) -> int:
    """Where the next page begins, or the one before; stays within what there is."""
    total = bench.rollouts(run, filters, limit=0).total if run else 0
    last = max(0, (total - 1) // PAGE * PAGE)
    return min(last, max(0, offset + by * PAGE))


def opened(bench: Workbench, run: str, place: str, form: str = PROGRAM) -> str:
    """Everything about one rollout, or its tokens; `place` is "step.group.index"."""
    if not run or not place:
        return html.note("Click a rollout to see its program and what it drew.")
    step, group, index = where(place)
    rollout = bench.rollout(run, step, group, index)
    name = f"step {step}, group {group + 1}, #{index + 1}"
    store = bench.run(run)
    if form == TOKENS:
        shown = tokens_html.page(rollout.completion, _policy(store))
        return html.framed(rollout, best_reward(store), name, shown)
    task = bench.seen_task(run, rollout)
    shown = html.detail(task, rollout, best_reward(store), name=name)
    if rollout.augmentation is None or rollout.augmentation.is_identity:
        return shown
    return (
        html.note("The policy saw this task turned, mirrored or recoloured, as it is here.") + shown
    )


def _policy(store: RunStore) -> str:
    """What a run trains; empty for settings of another version."""
    try:
        return TrainConfig.from_dict(store.config()).policy.model
    except UserError:
        return ""


def where(place: str) -> tuple[int, int, int]:
    """Step, group and index; UserError for what is no such place."""
    parts = place.split(".")
    if len(parts) != 3 or not all(p.isdecimal() and len(p) < 10 for p in parts):
        raise UserError(f"no place of a rollout: {place!r}; it is step.group.index, as in 12.0.3")
    step, group, index = map(int, parts)
    return step, group, index


def best_reward(store: RunStore) -> float:
    """The highest reward that the run's scheme can give."""
    try:
        scheme: RewardScheme = TrainConfig.from_dict(store.config()).reward
    except UserError:
        return 1.0
    return scheme.range[1]


def settings(bench: Workbench, run: str) -> str:
    """All settings of a run, and what it ran on."""
    if not run:
        return html.note(NO_RUN)
    store = bench.run(run)
    parts = (("Settings", store.config()), ("Ran on", store.info()))
    return "".join(
        f'<h4>{title}</h4><table class="ab-settings">'
        + "".join(
            f'<tr><th scope="row">{escape(name)}</th><td>{escape(value)}</td></tr>'
            for name, value in runs_html.settings(values)
        )
        + "</table>"
        for title, values in parts
    )


def tasks_of(bench: Workbench, run: str) -> list[tuple[str, str]]:
    """The tasks that a run sampled, as choices; the first takes all of them."""
    return [("all tasks", ANY), *((t, t) for t in (bench.sampled_tasks(run) if run else ()))]


@dataclass(frozen=True, kw_only=True, slots=True)
class RunsTab:
    """The components that an address fills: see `links`."""

    run: Any  # gr.Dropdown of str
    view: Any  # the inner tab that is shown, one of VIEWS, as a hidden gr.Textbox
    rollout: Any  # hidden gr.Textbox of "RUN/step.group.index"


def build(bench: Workbench, tab: Any) -> RunsTab:
    """Lay out the tab and wire it; it is filled when it is first looked at."""
    import gradio as gr

    offset = gr.State(0)
    rollout = gr.Textbox("", visible="hidden", elem_id="ab-at-rollout")
    view = gr.Textbox("", visible="hidden", elem_id="ab-at-view")
    timer = gr.Timer(TICK_S, active=False)
    find = gr.Textbox(
        "", show_label=False, placeholder="find a run  /", elem_id="ab-find-run",
        elem_classes=["ab-slash"], container=False,
    )  # fmt: skip
    listed = gr.HTML(runs_html.run_table([]), js_on_load=PICK_JS, elem_id="ab-runs")
    mark = gr.HTML("", elem_id="ab-run-mark")
    with gr.Row(elem_id="ab-chosen-run"):
        run = gr.Dropdown([], label="Run", min_width=240, elem_id="ab-runs-run")
        others = gr.Dropdown(
            [], multiselect=True, label="Compare with", min_width=320, scale=2, elem_id="ab-others"
        )
    with gr.Tabs(elem_id="ab-run-views"):
        with gr.Tab("Curves", id="curves") as in_curves:
            names = gr.Dropdown(
                list(FIRST_METRICS), value=list(FIRST_METRICS), multiselect=True, label="Metrics",
                elem_id="ab-metrics",
            )  # fmt: skip
            plot = gr.HTML(html.note(NO_RUN), elem_id="ab-overlay")
        with gr.Tab("Rollouts", id="rollouts") as in_rollouts:
            with gr.Row(elem_id="ab-filters"):
                task = gr.Dropdown([("all tasks", ANY)], value=ANY, label="Task", min_width=130)
                outcome = gr.Dropdown(
                    [("all", ANY), *((html.OUTCOME_TEXT[o], o.value) for o in Outcome)],
                    value=ANY, label="Outcome", min_width=130,
                )  # fmt: skip
                solved = gr.Dropdown(list(SOLVED), value="all", label="Solved", min_width=110)
                first = gr.Textbox("", label="From step", placeholder="first", min_width=80)
                last = gr.Textbox("", label="To step", placeholder="last", min_width=80)
                least = gr.Textbox("", label="Reward at least", placeholder="any", min_width=100)
                order = gr.Dropdown(list(ORDERS), value="newest", label="Order", min_width=100)
                form = gr.Dropdown([TABLE, SQUARES], value=TABLE, label="As", min_width=110)
            filters: list[Any] = [task, outcome, solved, first, last, least]
            with gr.Row():
                with gr.Column(scale=6, min_width=430):
                    rows = gr.HTML(html.note(NO_RUN), js_on_load=PICK_JS, elem_id="ab-rollouts")
                    with gr.Row():
                        back = gr.Button("‹ Back", size="sm", min_width=90, elem_id="ab-page-back")
                        on = gr.Button("On ›", size="sm", min_width=90, elem_id="ab-page-on")
                with gr.Column(scale=8, min_width=480):
                    shape = gr.Radio(
                        [PROGRAM, TOKENS], value=PROGRAM, show_label=False, container=False,
                        label="Rollout", elem_id="ab-rollout-view",
                    )  # fmt: skip
                    detail = gr.HTML(opened(bench, "", ""), elem_id="ab-rollout")
        with gr.Tab("Report", id="report") as in_report:
            run_report.build(bench, run, view)
        with gr.Tab("Sweep", id="sweep") as in_sweep:
            runs_sweep.build(bench, view)
        with gr.Tab("Settings", id="settings") as in_settings:
            told = gr.HTML(settings(bench, ""), elem_id="ab-settings")

    def fill(current: str | None, part: str, seen: str) -> Any:
        found = lines(bench)
        there = [line.name for line in found]
        # Another run may be chosen meanwhile: what stands is not set again.
        first: dict[str, Any] = {} if current in there else {"value": next(iter(there), None)}
        live = any(not line.status.state.over for line in found)
        shown = [line for line in found if line.has(part)]
        table = runs_html.run_table(shown) if shown or not found else html.note(NONE_FITS)
        # What stands there already is not sent again: a table that is replaced loses its focus.
        if table == seen and not first:
            return gr.skip(), gr.skip(), gr.skip(), gr.Timer(active=live), gr.skip()
        return table, gr.Dropdown(there, **first), gr.Dropdown(there), gr.Timer(active=live), table

    def choose(name: str | None, compared: list[str], metrics: list[str], at: str) -> Any:
        def all_of_it() -> Any:
            run_name = name or ""
            known = metric_names(bench, [run_name]) if run_name else []
            return (
                marked(run_name),
                curves(bench, run_name, compared, metrics),
                # What is chosen stays a choice, also where this run has not recorded it.
                gr.Dropdown(sorted({*known, *FIRST_METRICS, *metrics})),
                gr.Dropdown(tasks_of(bench, run_name), value=ANY),
                0,
                at if at.startswith(f"{run_name}/") else "",
                settings(bench, run_name),
            )

        return guarded(all_of_it)

    def show(name: str | None, at: int, by: str, as_: str, *values: Any) -> Any:
        return noted(lambda: listing(bench, name or "", wanted(*values), by, at, as_))

    def turn(by: int, name: str | None, at: int, *values: Any) -> Any:
        return guarded(lambda: turned(bench, name or "", wanted(*values), at, by))

    def open_it(at: str, as_: str) -> Any:
        name, _, place = at.rpartition("/")
        return noted(opened, bench, name, place, as_)

    views = (in_curves, in_rollouts, in_report, in_sweep, in_settings)
    say_which(dict(zip(VIEWS, views, strict=True)), view)
    stood = gr.State("")  # the table as it was sent last
    gr.on(
        [tab.select, timer.tick, find.change],
        fill, [run, find, stood], [listed, run, others, timer, stood],
        trigger_mode="always_last", **LOOK,
    )  # fmt: skip
    listed.click(None, None, run, js=picked("ab-runs", "run"))
    chosen = [mark, plot, names, task, offset, rollout, told]
    run.change(choose, [run, others, names, rollout], chosen, **QUIET)
    gr.on(
        [others.change, names.change],
        lambda a, b, c: noted(curves, bench, a or "", b, c), [run, others, names], plot, **LOOK,
    )  # fmt: skip
    narrowed = [f.change for f in (*filters, order, form)]
    page = {"fn": show, "inputs": [run, offset, order, form, *filters], "outputs": rows, **LOOK}
    gr.on(narrowed, lambda: 0, None, offset, **LOOK).then(**page)
    gr.on([run.change, offset.change], **page)
    back.click(partial(turn, -1), [run, offset, *filters], offset, **QUIET)
    on.click(partial(turn, 1), [run, offset, *filters], offset, **QUIET)
    rows.click(None, run, rollout, js=f"run => run + '/' + ({picked('ab-rollouts', 'place')})()")
    # Of keys that come faster than answers the last one counts.
    gr.on(
        [rollout.change, shape.change],
        open_it, [rollout, shape], detail, trigger_mode="always_last", **LOOK,
    )  # fmt: skip
    return RunsTab(run=run, view=view, rollout=rollout)
