"""The tables of an evaluation, for terminals and for spreadsheets."""

from collections.abc import Sequence

from rich.box import SIMPLE_HEAD
from rich.table import Table
from rich.text import Text

from arcbench.evaluation.compare import SOLVED, SURE, Comparison, TaskChange, p_text
from arcbench.evaluation.pass_at_k import pass_at_k
from arcbench.evaluation.results import FIGURES, Results, TaskResult
from arcbench.sandbox.types import Outcome

PLAIN = ("mean tokens", "mean reward", "mean length")  # differences that are no shares
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


def differences_table(comparison: Comparison) -> Table:
    """The totals of both sides, with the change and how sure it is."""
    c = comparison
    table = Table(box=SIMPLE_HEAD, pad_edge=False)
    table.add_column("", no_wrap=True)
    for name in (c.a, c.b):
        table.add_column(name, justify="right", overflow="fold", min_width=6)
    for name in ("change", "95 %", "p"):
        table.add_column(name, justify="right", no_wrap=True)
    for d in c.differences:
        share = d.name not in PLAIN
        told = [f"{100 * x:.1f}%" if share else f"{x:,.2f}" for x in (d.a, d.b)]
        scale = 100 if share else 1
        interval = "" if d.low is None or d.high is None else (
            f"{signed(scale * d.low)} to {signed(scale * d.high)}"
        )  # fmt: skip
        style = "" if d.p is None or d.p >= SURE else "green" if d.change > 0 else "red"
        table.add_row(
            label(c, d.name), *told, Text(signed(scale * d.change), style=style), interval,
            "" if d.p is None else p_text(d.p).removeprefix("p ").removeprefix("= "),
        )  # fmt: skip
    return table


def changes_table(changes: Sequence[TaskChange], comparison: Comparison) -> Table:
    """Tasks with their solved samples on both sides."""
    c = comparison
    table = Table(box=SIMPLE_HEAD, pad_edge=False)
    table.add_column("task", no_wrap=True)
    for name in (c.a, c.b):
        table.add_column(name, justify="right", overflow="fold", min_width=6)
    for name in ("change", "p", "q"):
        table.add_column(name, justify="right", no_wrap=True)
    for t in changes:
        table.add_row(
            t.task_id,
            f"{t.a.solved}/{t.a.samples}",
            f"{t.b.solved}/{t.b.samples}",
            signed(100 * t.change),
            *(p_text(x).removeprefix("p ").removeprefix("= ") for x in (t.p, t.q)),
        )
    return table


def label(comparison: Comparison, name: str) -> str:
    """The name of a difference, with what it is of where that is not plain."""
    if name != SOLVED:
        return name
    n = comparison.samples
    return f"{name} in {n} sample{'' if n == 1 else 's'}"


def signed(number: float) -> str:
    """With its sign, and one digit after the point."""
    return f"{number:+.1f}".replace("-", "−").replace("+0.0", "0.0").replace("−0.0", "0.0")
