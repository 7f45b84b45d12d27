"""The command that compares two evaluations, or a training run's before and after."""

from collections.abc import Sequence
from pathlib import Path

import numpy as np
import tyro
from rich.console import Console

from arcbench.errors import UserError
from arcbench.evaluation.compare import SURE, Comparison, TaskChange, compare_sides, shown
from arcbench.evaluation.sides import read_sides
from arcbench.evaluation.table import changes_table, differences_table
from arcbench.files import replacing, write_json

OUT = Console(soft_wrap=True, highlight=False)

_MOST = 12  # tasks that a table shows; --json has all


def compare(
    a: tyro.conf.Positional[Path],
    b: tyro.conf.Positional[Path | None] = None,
    /,
    k: tuple[int, ...] = (),
    seed: int = 0,
    json: Path | None = None,
    plot: Path | None = None,
) -> None:
    """Compare two evaluations task by task: what was gained, what was lost, and how sure that is.

    Args:
        a: the folder of an evaluation or of a training run. A run alone: its before and after.
        b: another one; a training run stands for its state after training.
        k: of pass@k; left out, those of both evaluations.
        seed: of the bootstrap.
        json: write the whole comparison into this file.
        plot: draw both pass rates of every task into this PNG.
    """
    if plot is not None and plot.suffix.lower() != ".png":
        raise UserError(f"--plot writes a PNG, so its name ends in .png, not {plot.name!r}")
    sides = read_sides(a, b)
    found = compare_sides(*sides, rng=np.random.default_rng(seed), ks=k)
    print_comparison(found, OUT)
    if json is not None:
        write_json(json, found.to_dict())
        OUT.print(f"{json}: all figures and all tasks", markup=False)
    if plot is not None:
        from arcbench.plots_evaluation import before_against_after

        with replacing(plot) as partial:
            before_against_after(found).savefig(partial, format="png", dpi=150)
        OUT.print(f"{plot}: chart", markup=False)


def print_comparison(found: Comparison, out: Console) -> None:
    """The verdict, what must be known of it, the totals, and the tasks that changed."""
    tasks = len(found.tasks)
    out.print(
        f"{found.a} → {found.b}, {tasks} task{'' if tasks == 1 else 's'}: {found.verdict}",
        markup=False,
        style="bold",
    )
    for warning in found.warnings:
        out.print(f"note: {warning}", markup=False, style="yellow")
    out.print(differences_table(found))
    if tasks > 1:
        up = sum(t.change > 0 for t in found.changed)
        out.print(
            f"pass rate surely changed (q < {SURE}: p corrected for {tasks} tasks): "
            f"{up} up, {len(found.changed) - up} down",
            markup=False,
        )
        told = {t.task_id for t in (*found.gained, *found.lost)}
        _print_tasks("gained", found.gained, found, out)
        _print_tasks("lost", found.lost, found, out)
        surely = [t for t in found.changed if t.task_id not in told]
        _print_tasks("solved by both, and surely changed", surely, found, out)
    if found.settings:
        out.print("settings that differ:")
        for s in found.settings:
            out.print(f"  {s.name}: {shown(s.a)} → {shown(s.b)}", markup=False)


def _print_tasks(
    title: str, changes: Sequence[TaskChange], found: Comparison, out: Console
) -> None:
    if not changes:
        return
    out.print(f"{title}: {len(changes)} task{'' if len(changes) == 1 else 's'}", markup=False)
    out.print(changes_table(changes[:_MOST], found))
    if len(changes) > _MOST:
        out.print(f"  … and {len(changes) - _MOST} more: --json FILE has all")
