"""The command that runs the same training with other values and shows which of them learn."""

import sys
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Annotated

import tyro
from rich.box import SIMPLE_HEAD
from rich.console import Console
from rich.progress import BarColumn, MofNCompleteColumn, Progress, TextColumn, TimeElapsedColumn
from rich.table import Table
from rich.text import Text

from arcbench.errors import UserError
from arcbench.runs import RunState, free_name
from arcbench.training.presets import read_base
from arcbench.training.sweep import (
    LEARNING_RATE,
    Axis,
    SweepFolder,
    SweepPlan,
    axis,
    make_plan,
    overfit_base,
    variant_axis,
)
from arcbench.training.sweep_results import SweepResults, collect, save
from arcbench.training.sweep_run import SweepRunner, chosen_slots
from arcbench.training.sweep_verdict import Verdict

OUT = Console(soft_wrap=True, highlight=False)
ERR = Console(stderr=True, soft_wrap=True, highlight=False)

STYLES = {
    Verdict.FLAT: "",
    Verdict.LEARNING: "green",
    Verdict.UNSTABLE: "yellow",
    Verdict.DESTROYED: "red",
    Verdict.UNDECIDED: "dim",
}


def sweep(
    preset: str | None = None,
    config: Path | None = None,
    changes: Annotated[tuple[str, ...], tyro.conf.arg(name="set")] = (),
    lr: tuple[str, ...] = (),
    over: tuple[str, ...] = (),
    variant: tuple[str, ...] = (),
    seeds: tuple[int, ...] = (),
    parallel: int | None = None,
    gpus: str | None = None,
    name: str | None = None,
    runs: Path = Path("runs"),
    resume: Path | None = None,
    show: Path | None = None,
) -> None:
    """Train with several values of a setting: which are flat, learning, unstable, destroyed.

    Args:
        preset: settings of every run, as for train.
        config: the same from a file, JSON or YAML; neither: `arcbench overfit` on its own task.
        changes: settings by name, as for train.
        lr: learning rates, e.g. --lr 1e-6 1e-5 1e-4 1e-3 1e-2.
        over: any other setting: --over grpo.num_generations=8,16; several make a grid. A list among
            the values stands in brackets: data.tasks=[67a3c6ac,68b16354],67a3c6ac
        variant: settings that belong together, under a name: --variant base 'lora:
            policy.lora.rank=16 grpo.learning_rate=1e-3'
        seeds: each value is run with each of them; left out: the one of the settings.
        parallel: runs at a time; left out: one, or one on each of --gpus.
        gpus: which GPUs, e.g. 0,1; left out: all that are seen. A run has one of them.
        name: of the sweep's folder.
        runs: where that folder lies.
        resume: the folder of a sweep to go on with: what is finished stays.
        show: only print the table of this sweep and draw its chart, also while it runs.
    """
    given = {
        "--preset": preset, "--config": config, "--set": changes, "--lr": lr, "--over": over,
        "--variant": variant, "--seeds": seeds,
        "--name": name, "--parallel": parallel, "--gpus": gpus, "--resume": resume,
    }  # fmt: skip
    if show is not None:
        _refuse(given, beside="--show", allowed=())
        folder = SweepFolder.open(show)
        results = collect(folder, folder.plan())
        save(folder, results)
        _print(folder, results)
        return
    if resume is not None:
        _refuse(given, beside="--resume", allowed=("--resume", "--parallel", "--gpus"))
        folder = SweepFolder.open(resume)
        _run(folder, folder.plan(), parallel, gpus)
        return
    from arcbench.cli import OVERFIT_TASK

    axes = [Axis(name=LEARNING_RATE, values=lr)] if lr else []
    axes += [axis(text) for text in over]
    if (variants := variant_axis(variant)) is not None:
        axes.append(variants)
    own = preset is None and config is None
    base = overfit_base(OVERFIT_TASK) if own else read_base(preset, config)
    plan = make_plan(base, axes, changes=changes, seeds=seeds)
    chosen_slots(plan, parallel, gpus)  # refused before a folder is made
    if name is None:
        name = free_name(runs, "-".join(["sweep", *(a.short for a in axes)])[:90])
    _run(SweepFolder.create(runs, name, plan), plan, parallel, gpus)


def _refuse(given: Mapping[str, object], *, beside: str, allowed: Sequence[str]) -> None:
    """UserError for an option that would do nothing."""
    for option, value in given.items():
        if option not in allowed and value not in (None, ()):
            raise UserError(f"{option} does nothing beside {beside}: the sweep has its plan")


def _run(folder: SweepFolder, plan: SweepPlan, parallel: int | None, gpus: str | None) -> None:
    """Run what is not finished, then print the table. Exit code 1 where runs failed."""
    at_once, cards = chosen_slots(plan, parallel, gpus)
    where = f", GPUs {','.join(cards)}" if cards else ""
    OUT.print(
        f"{folder.path}: {len(plan.values)} values, {len(plan.points)} runs, {at_once} at a time"
        f"{where}",
        markup=False,
    )
    columns = (TextColumn("steps"), BarColumn(), MofNCompleteColumn(), TimeElapsedColumn())
    # The bar and the lines about runs go to one stream, so that they do not overwrite each other.
    with Progress(*columns, console=ERR, transient=True) as bar:
        task = bar.add_task("", total=plan.total_steps)
        runner = SweepRunner(
            folder=folder,
            plan=plan,
            parallel=at_once,
            gpus=cards,
            say=lambda message: ERR.print(message, markup=False),
            progress=lambda done: bar.update(task, completed=done),
        )
        results = runner.run()
    _print(folder, results)
    left = {s: n for s, n in results.counts.items() if s != RunState.FINISHED}
    if left:
        told = ", ".join(f"{n} {state}" for state, n in left.items())
        why = f"{runner.stopped}; " if runner.stopped else ""
        OUT.print(
            f"{why}not finished: {told}; go on with: arcbench sweep --resume {folder.path}",
            markup=False,
        )
    if RunState.FAILED in left or RunState.DIED in left:
        sys.exit(1)


def _print(folder: SweepFolder, results: SweepResults) -> None:
    """The table, and what ended in another way than it should."""
    table = Table(box=SIMPLE_HEAD, pad_edge=False, padding=(0, 1, 0, 0))
    for column in (*(a.name for a in results.plan.axes), "verdict", "reward", "solved", "s/step"):
        table.add_column(column, justify="left" if column == "verdict" else "right", no_wrap=True)
    table.add_column("runs", no_wrap=True)
    table.add_column("why", min_width=24)
    for v in results.values:
        done = sum(r.state == RunState.FINISHED for r in v.runs)
        table.add_row(
            *v.values,
            Text(v.verdict.value, style=STYLES[v.verdict]),
            _change(v.reward_first, v.reward_last, "{:.2f}"),
            _change(v.solve_first, v.solve_last, "{:.0%}"),
            "" if v.seconds_step is None else f"{v.seconds_step:.2f}",
            f"{done}/{len(v.runs)}",
            v.evidence,
        )
    OUT.print(table)
    for r in (r for v in results.values for r in v.runs):
        if r.state in (RunState.FAILED, RunState.DIED):
            OUT.print(f"{r.run}: {r.state} after step {r.step}: {r.reason}", markup=False)
    more = f"{folder.table_file}: every run; {folder.results_file}: the same figures"
    OUT.print(f"{folder.chart_file}: chart; {more}", markup=False)


def _change(first: float | None, last: float | None, form: str) -> str:
    if first is None or last is None:
        return ""
    return f"{form.format(first)} → {form.format(last)}"
