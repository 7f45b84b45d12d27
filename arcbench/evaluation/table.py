"""The tables of evaluations and of comparisons, for terminals and for spreadsheets."""

from collections.abc import Sequence

from rich.box import SIMPLE_HEAD
from rich.table import Table
from rich.text import Text

from arcbench.evaluation.compare import SOLVED, SURE, Comparison, TaskChange, p_text
from arcbench.evaluation.pass_at_k import pass_at_k
from arcbench.evaluation.results import FIGURES, Results
from arcbench.sandbox.types import Outcome

WIDE = 132  # columns of a terminal that the table of all figures of tasks needs
PLAIN = ("mean tokens", "mean reward", "mean length")  # differences that are no shares
_NUMBERS = {"n_preds": "{:,.4g}", "mean_tokens": "{:,.1f}"}  # the other figures are shares
_NARROW = ("n_preds", "valid_outputs", "unique_outputs", "train_pass_rate", "pass_rate",
           "mean_tokens")  # fmt: skip
_NAME_LENGTH = 10  # of the names of both sides above their columns, so that 80 columns suffice


def form(name: str, value: float | None) -> str:
    """A figure as it is written for people: shares in per cent; empty where it is unknown."""
    return "" if value is None else _NUMBERS.get(name, "{:.1%}").format(value)


def totals_table(results: Results) -> Table:
    """The totals, one line a figure, train and test pairs side by side."""
    total = results.total()
    sampled = sum(t.samples > 0 for t in results.tasks)
    table = _table(
        title=f"{results.samples:,} samples of {sampled:,} task{'' if sampled == 1 else 's'}",
        caption="samples ended: "
        + ", ".join(f"{o.replace('_', ' ')} {share:.1%}" for o, share in results.outcomes.items()),
    )
    table.add_column("", no_wrap=True)
    for name in ("all", "95 %", "train pairs", "test pairs"):
        table.add_column(name, justify="right", no_wrap=True)
    for name in ("n_preds", "valid_code", "valid_outputs", "unique_outputs"):
        table.add_row(name.replace("_", " "), form(name, total[name]))
    for name in ("pixel_score", "correct_grids", "pass_rate", "is_correct"):
        cells = [form(n, total.get(n)) for n in (name, f"train_{name}", f"test_{name}")]
        first = results.curve[:1] if name == "pass_rate" and results.pairs == "all" else ()
        interval = "".join(f"{p.low:.1%}–{p.high:.1%}" for p in first)
        table.add_row(name.replace("_", " "), cells[0], interval, *cells[1:])
    for name in ("truncated", "mean_tokens"):
        table.add_row(name.replace("_", " "), form(name, total[name]))
    train_only = results.pairs == "train"
    for p in results.pass_at_k:
        cells = [f"{p.value:.1%}", f"{p.low:.1%}–{p.high:.1%}"]
        table.add_row(f"pass@{p.k}{' (train pairs)' if train_only else ''}", *cells)
    return table


def tasks_table(results: Results, width: int = 80) -> Table:
    """One line a task: the figures that `width` columns have room for."""
    # Whether a task is solved stands in the column of solved samples.
    wide = [n for n in FIGURES if not n.endswith("is_correct")]
    shown = wide if width >= WIDE else _NARROW
    table = _table()
    table.add_column("task", no_wrap=True)
    for name in shown:
        table.add_column(_narrow_title(name), justify="right", no_wrap=True)
    table.add_column("solved", justify="right", no_wrap=True)
    table.add_column("95 %", justify="right", no_wrap=True)
    counts = results.counts
    for t in results.tasks:
        figures = t.figures()
        solved = interval = ""
        if (count := counts.get(t.task_id)) is not None:
            low, high = count.interval
            solved, interval = f"{count.solved}/{count.samples}", f"{low:.0%}–{high:.0%}"
        table.add_row(t.task_id, *(_short_form(n, figures[n]) for n in shown), solved, interval)
    return table


def _narrow_title(name: str) -> str:
    return name.replace("n_preds", "n").replace("_", "\n")


def _short_form(name: str, value: float | None) -> str:
    return "" if value is None else _NUMBERS.get(name, "{:.0%}").format(value)


def tasks_rows(results: Results) -> list[dict[str, object]]:
    """The lines of tasks.csv: every figure of every task, its pass@k, how its samples ended."""
    ks, counts = [p.k for p in results.pass_at_k], results.counts
    rows: list[dict[str, object]] = []
    for t in results.tasks:
        count = counts.get(t.task_id)
        low, high = (None, None) if count is None else count.interval
        at_k = {f"pass@{k}": count and pass_at_k(count.samples, count.solved, k) for k in ks}
        rows.append(
            {
                "task_id": t.task_id,
                **t.figures(),
                "n_preds": t.samples,
                "solved": None if count is None else count.solved,
                "pass_rate_low": low,
                "pass_rate_high": high,
                **at_k,
                **{o.value: t.outcomes.get(o, 0) for o in Outcome},
            }
        )
    return rows


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
    table = _table()
    table.add_column("", no_wrap=True)
    for name in (*short_names(c.a, c.b), "change", "95 %", "p"):
        table.add_column(name, justify="right", no_wrap=True)
    for d in c.differences:
        scale = 1 if d.name in PLAIN else 100
        both = [f"{x:,.2f}" if scale == 1 else f"{x:.1%}" for x in (d.a, d.b)]
        interval = p = ""
        if d.low is not None and d.high is not None:
            interval = f"{signed(scale * d.low)} to {signed(scale * d.high)}"
        if d.p is not None:
            p = _bare_p(d.p)
        sure = d.p is not None and d.p < SURE
        change = Text(signed(scale * d.change), style="bold" if sure else "")
        name = f"solved in {c.samples:,} samples" if d.name == SOLVED else d.name
        table.add_row(name, *both, change, interval, p)
    return table


def changes_table(changes: Sequence[TaskChange], comparison: Comparison) -> Table:
    """Tasks with their solved samples on both sides."""
    c = comparison
    table = _table()
    table.add_column("task", no_wrap=True)
    for name in (*short_names(c.a, c.b), "change", "p", "q"):
        table.add_column(name, justify="right", no_wrap=True)
    for t in changes:
        solved = [f"{count.solved}/{count.samples}" for count in (t.a, t.b)]
        sure = "bold" if t.q < SURE else ""
        table.add_row(
            t.task_id, *solved, Text(signed(100 * t.change), style=sure), _bare_p(t.p), _bare_p(t.q)
        )
    return table


def short_names(a: str, b: str, length: int = _NAME_LENGTH) -> tuple[str, str]:
    """The names cut to the length, at the end that leaves them different; else before, after."""
    ends = [x if len(x) <= length else f"…{x[1 - length :]}" for x in (a, b)]
    starts = [x if len(x) <= length else f"{x[: length - 1]}…" for x in (a, b)]
    for first, second in (starts, ends):
        if first != second:
            return first, second
    return "first", "second"


def signed(number: float) -> str:
    """With its sign, and one digit after the point."""
    text = f"{number:+.1f}"
    return "0.0" if text in ("+0.0", "-0.0") else text.replace("-", "−")


def _bare_p(p: float) -> str:
    return p_text(p).removeprefix("p ").removeprefix("= ").replace(" ", "")


def _table(title: str | None = None, caption: str | None = None) -> Table:
    return Table(
        title=title, caption=caption, title_justify="left", caption_justify="left", title_style="",
        caption_style="", box=SIMPLE_HEAD, pad_edge=False, padding=(0, 1, 0, 0),
    )  # fmt: skip
