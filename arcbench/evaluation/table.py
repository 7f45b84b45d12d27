"""The tables of an evaluation, for terminals and for spreadsheets."""

from collections.abc import Sequence

from rich.box import SIMPLE_HEAD
from rich.table import Table

from arcbench.evaluation.pass_at_k import pass_at_k
from arcbench.evaluation.results import FIGURES, Results, TaskResult
from arcbench.sandbox.types import Outcome

_NUMBERS = {"n_preds": "{:,.4g}", "mean_tokens": "{:,.1f}"}  # the other figures are shares


def form(name: str, value: float | None) -> str:
    """A figure as it is written for people: shares in per cent; empty where it is unknown."""
    return "" if value is None else _NUMBERS.get(name, "{:.1%}").format(value)


def totals_table(results: Results) -> Table:
    """The totals, one line a figure, train and test pairs side by side."""
    total = results.total()
    table = Table(box=SIMPLE_HEAD, pad_edge=False)
    for name in ("", "all", "train pairs", "test pairs"):
        table.add_column(name, justify="left" if not name else "right", no_wrap=True)
    for name in ("n_preds", "valid_code", "valid_outputs", "unique_outputs"):
        table.add_row(name.replace("_", " "), form(name, total[name]))
    for name in ("pixel_score", "correct_grids", "pass_rate", "is_correct"):
        cells = [form(n, total.get(n)) for n in (name, f"train_{name}", f"test_{name}")]
        table.add_row(name.replace("_", " "), *cells)
    for name in ("truncated", "mean_tokens"):
        table.add_row(name.replace("_", " "), form(name, total[name]))
    for p in results.pass_at_k:
        table.add_row(f"pass@{p.k}", f"{p.value:.1%}", f"{p.low:.1%}–{p.high:.1%}")
    return table


def tasks_table(results: Results) -> Table:
    """One line a task."""
    table = Table(box=SIMPLE_HEAD, pad_edge=False)
    table.add_column("task", no_wrap=True)
    for name in FIGURES:
        table.add_column(name.replace("_", " "), justify="right")
    for t in results.tasks:
        table.add_row(t.task_id, *(form(n, v) for n, v in t.figures().items()))
    return table


def tasks_rows(results: Results) -> list[dict[str, object]]:
    """The lines of tasks.csv: every figure of every task, its pass@k, how its samples ended."""
    ks = [p.k for p in results.pass_at_k]
    return [_task_row(t, results, ks) for t in results.tasks]


def _task_row(task: TaskResult, results: Results, ks: Sequence[int]) -> dict[str, object]:
    judged = task.task_id in results.counts
    count = task.count(results.pairs)
    low, high = count.interval if judged else (None, None)
    return {
        "task_id": task.task_id,
        **task.figures(),
        "n_preds": task.samples,
        "solved": count.solved if judged else None,
        "pass_rate_low": low,
        "pass_rate_high": high,
        **{f"pass@{k}": pass_at_k(task.samples, count.solved, k) if judged else None for k in ks},
        **{o.value: task.outcomes.get(o, 0) for o in Outcome},
    }


def summary_rows(results: Results) -> list[dict[str, object]]:
    """The lines of summary.csv: each total, with its 95 % interval where it has one."""
    rows: list[dict[str, object]] = [
        {"figure": name, "value": value, "low": None, "high": None}
        for name, value in results.total().items()
    ]
    rows += [
        {"figure": f"pass@{p.k}", "value": p.value, "low": p.low, "high": p.high}
        for p in results.pass_at_k
    ]
    rows += [
        {"figure": outcome.value, "value": share, "low": None, "high": None}
        for outcome, share in results.outcomes.items()
    ]
    return rows
