"""Pieces of the tab "Runs": tables of runs and rollouts, sparklines, one task over the steps."""

import time
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from html import escape
from itertools import pairwise
from math import isfinite

from arcbench.folders import RunState, Status
from arcbench.rollout_index import RolloutPage, RolloutRow
from arcbench.runs import Metrics, RunStatus
from arcbench.sandbox.types import Outcome
from arcbench.ui import html

STATE_KINDS = {
    RunState.CREATED: "wrong",
    RunState.RUNNING: "partly",
    RunState.FINISHED: "solved",
    RunState.STOPPED: "wrong",
    RunState.FAILED: "failed",
    RunState.DIED: "failed",
}
STATE_SIGNS = {
    RunState.CREATED: "○",
    RunState.RUNNING: "▸",
    RunState.FINISHED: "✓",
    RunState.STOPPED: "■",
    RunState.FAILED: "!",
    RunState.DIED: "!",
}
SPARK_POINTS = 60
SPARK_W, SPARK_H = 96, 22


@dataclass(frozen=True, kw_only=True, slots=True)
class RunLine:
    """What the table says of a run."""

    name: str
    status: RunStatus
    about: str  # what it trains on
    created: float  # seconds since the epoch
    metrics: Sequence[Metrics] = ()

    def has(self, part: str) -> bool:
        """Whether these words are in its name or in what it trains on."""
        return part.strip().lower() in f"{self.name} {self.about}".lower()


def state_badge(status: Status) -> str:
    """State as sign, word and colour."""
    kind, sign = STATE_KINDS[status.state], STATE_SIGNS[status.state]
    title = f' title="{escape(status.reason)}"' if status.reason else ""
    return (
        f'<span class="ab-badge ab-badge-{kind}"{title}><span aria-hidden="true">{sign}</span> '
        f"{status.state.value}</span>"
    )


def sparkline(values: Sequence[float], label: str) -> str:
    """A curve as small as a word; an empty place for fewer than two values."""
    values = _thinned([v for v in values if isfinite(v)])
    if len(values) < 2:
        return f'<span class="ab-spark-none">{"–" if not values else f"{values[0]:.2f}"}</span>'
    low, high = min(values), max(values)
    span = (high - low) or 1.0
    points = " ".join(
        f"{2 + i * (SPARK_W - 4) / (len(values) - 1):.1f},"
        f"{SPARK_H - 3 - (v - low) / span * (SPARK_H - 6):.1f}"
        for i, v in enumerate(values)
    )
    said = f"{label} from {values[0]:.2f} to {values[-1]:.2f}, lowest {low:.2f}, highest {high:.2f}"
    x, y = points.rpartition(" ")[2].split(",")
    return (
        f'<svg class="ab-spark" viewBox="0 0 {SPARK_W} {SPARK_H}" width="{SPARK_W}" '
        f'height="{SPARK_H}" role="img" aria-label="{escape(said)}"><title>{escape(said)}</title>'
        f'<polyline points="{points}"/><circle cx="{x}" cy="{y}" r="2"/></svg>'
    )


def _thinned(values: Sequence[float]) -> list[float]:
    """At most `SPARK_POINTS` values: means of equal stretches."""
    if len(values) <= SPARK_POINTS:
        return list(values)
    edges = [round(i * len(values) / SPARK_POINTS) for i in range(SPARK_POINTS + 1)]
    stretches = [values[a:b] for a, b in pairwise(edges)]
    return [sum(s) / len(s) for s in stretches]


def age(seconds: float) -> str:
    """A time that has passed, in one unit."""
    for size, unit in ((86400, "d"), (3600, "h"), (60, "min")):
        if seconds >= size:
            return f"{seconds / size:.0f} {unit}"
    return f"{max(0, seconds):.0f} s"


def run_table(runs: Sequence[RunLine], now: float | None = None) -> str:
    """All runs, each with a button that chooses it."""
    if not runs:
        return html.note(
            "No run yet. The tab Train starts one on the chosen task; arcbench train starts longer "
            "ones. Their folders appear here while they go on."
        )
    now = time.time() if now is None else now
    rows = "".join(_run_row(run, now) for run in runs)
    heads = "".join(
        f'<th scope="col">{head}</th>'
        for head in ("Run", "State", "Trains on", "Step", "Reward", "", "Solved", "", "Started")
    )
    return (
        f'<div class="ab-scroll"><table class="ab-rows" aria-label="runs"><thead><tr>{heads}'
        f"</tr></thead><tbody>{rows}</tbody></table></div>"
    )


def _run_row(run: RunLine, now: float) -> str:
    s = run.status
    step = f"{s.step:,}" + (f" / {s.total_steps:,}" if s.total_steps else "")
    cells = [
        f'<button type="button" class="ab-pick" data-run="{escape(run.name)}">'
        f"{escape(run.name)}</button>",
        state_badge(s),
        f'<span class="ab-ellipsis" title="{escape(run.about)}">{escape(run.about)}</span>',
        step,
    ]
    for name, form, label in (
        ("reward/mean", "{:.2f}", "reward"),
        ("solve_rate", "{:.0%}", "solve rate"),
    ):
        values = [v for m in run.metrics if (v := m.get(name)) is not None]
        cells.append(form.format(values[-1]) if values else "")
        cells.append(sparkline(values, label))
    cells.append(f'<span class="ab-dim">{age(now - run.created)} ago</span>')
    inner = "".join(f"<td>{cell}</td>" for cell in cells)
    return f'<tr data-run="{escape(run.name)}">{inner}</tr>'


def rollout_table(page: RolloutPage, offset: int) -> str:
    """A page of rollouts, each with a button that opens it."""
    if not page.total:
        return html.note("No rollout fits these filters. Take one of them away.")
    rows = "".join(_rollout_row(row) for row in page.rows)
    heads = "".join(
        f'<th scope="col">{head}</th>'
        for head in ("Rollout", "Task", "What became of it", "Reward", "Tokens", "Program")
    )
    last = offset + len(page.rows)
    return (
        f'<p class="ab-dim ab-count" role="status">{offset + 1:,}–{last:,} of {page.total:,}</p>'
        f'<div class="ab-scroll"><table class="ab-rows" aria-label="rollouts"><thead><tr>{heads}'
        f"</tr></thead><tbody>{rows}</tbody></table></div>"
    )


def place(row: RolloutRow) -> str:
    """Where a rollout stands: step, group, index; the same in addresses."""
    return f"{row.step}.{row.group}.{row.index}"


def _rollout_row(row: RolloutRow) -> str:
    outcome = Outcome(row.outcome)
    kind, words = ("solved", "✓ solved") if row.solved else ("wrong", "✗ wrong")
    if not outcome.ok:
        kind, words = "failed", f"! {html.OUTCOME_TEXT[outcome]}"
    name = place(row)
    program = f'<span class="ab-id" title="equal names are equal programs">{row.program[:6]}</span>'
    cells = (
        f'<button type="button" class="ab-pick" data-place="{name}" '
        f'aria-label="rollout {row.index + 1} of step {row.step}, group {row.group + 1}">'
        f"step {row.step:,} · {row.group + 1} · #{row.index + 1}</button>",
        f'<span class="ab-id">{escape(row.task_id)}</span>',
        f'<span class="ab-badge ab-badge-{kind}">{words}</span>',
        f"{row.reward:.2f}",
        f"{row.tokens:,}",
        program,
    )
    return "<tr>" + "".join(f"<td>{cell}</td>" for cell in cells) + "</tr>"


def squares(page: RolloutPage, best: float) -> str:
    """A square for each rollout, a column for each step: how completions changed over a run.

    `best` is the reward that fills a square.
    """
    if not page.total:
        return html.note("No rollout fits these filters. Take one of them away.")
    steps: dict[int, list[RolloutRow]] = {}
    for row in sorted(page.rows, key=lambda r: r.step):
        steps.setdefault(row.step, []).append(row)
    columns = "".join(_history_column(step, found, best) for step, found in steps.items())
    programs = {row.program for row in page.rows if row.program}
    return (
        f'<p class="ab-dim ab-count" role="status">{page.total:,} completions in {len(steps):,} '
        f"steps, {len(programs):,} different programs. A column is a step; ✓ is solved, and a "
        "square is the fuller the more reward it got.</p>"
        f'<div class="ab-history" role="group" aria-label="completions by step">{columns}</div>'
    )


def _history_column(step: int, rows: Sequence[RolloutRow], best: float) -> str:
    marks = "".join(
        f'<button type="button" data-place="{place(row)}" class="ab-cell'
        f'{" ab-cell-solved" if row.solved else ""}" style="--fill:'
        f'{100 * min(1.0, max(0.0, row.reward / (best or 1.0))):.0f}%" '
        f'aria-label="step {step}, rollout {row.index + 1}: '
        f'{"solved" if row.solved else row.outcome}, reward {row.reward:.2f}" '
        f'title="step {step} #{row.index + 1}: reward {row.reward:.2f}">'
        f"{'✓' if row.solved else ''}</button>"
        for row in sorted(rows, key=lambda r: -r.reward)
    )
    return f'<div class="ab-history-step">{marks}<span class="ab-id">{step}</span></div>'


def settings(config: Mapping[str, object], prefix: str = "") -> list[tuple[str, str]]:
    """A tree of settings as (name, value) lines."""
    found: list[tuple[str, str]] = []
    for key, value in config.items():
        name = f"{prefix}{key}"
        if isinstance(value, Mapping):
            found += settings(value, f"{name}.")
        else:
            found.append((name, str(value)))
    return found
