"""A sweep as a table in Markdown: a line for each value and, below it, for each of its runs.

What tells how much was learned is measured before and after training, on the same tasks with the
same seeds (measure.samples above 0). Rewards of other reward schemes cannot be compared.
"""

from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np

from arcbench.runs import RunStore
from arcbench.training.config import TrainConfig
from arcbench.training.sweep import Point, SweepFolder
from arcbench.training.sweep_results import SweepResults, ValueResult
from arcbench.training.sweep_verdict import judge_run

MEASURED = ("pass rate", "tasks solved", "unique outputs")  # figures of a run's measurements
_HEAD = ("seeds", "steps", "reward", *MEASURED, "verdict")


@dataclass(frozen=True, kw_only=True, slots=True)
class Change:
    """A figure at the beginning and at the end; None: not known."""

    first: float | None = None
    last: float | None = None

    @property
    def known(self) -> bool:
        """Whether both are."""
        return self.first is not None and self.last is not None


@dataclass(frozen=True, kw_only=True, slots=True)
class RunLine:
    """What a line of the table says of one run."""

    seed: int
    steps: int
    verdict: str
    reward: Change
    measured: Mapping[str, Change]  # by the names of MEASURED


def run_lines(folder: SweepFolder, results: SweepResults) -> dict[tuple[str, ...], list[RunLine]]:
    """The runs of each value that have begun."""
    return {
        value: [line for p in points if (line := _line(folder, results, p)) is not None]
        for value, points in results.plan.values.items()
    }


def markdown(folder: SweepFolder, results: SweepResults) -> str:
    """The whole table."""
    lines = run_lines(folder, results)
    names = [a.name for a in results.plan.axes]
    rows = [_row((*names, *_HEAD)), _row(["---"] * (len(names) + len(_HEAD)))]
    for value in results.values:
        rows += _value_rows(value, lines[value.values])
    return "\n".join(rows) + "\n"


def _line(folder: SweepFolder, results: SweepResults, point: Point) -> RunLine | None:
    store, metrics = folder.run(point), results.metrics[point.run]
    if store is None or not metrics:
        return None
    config = TrainConfig.from_dict(point.config)
    judged = judge_run(
        metrics, floor=config.reward.range[0], completions=config.grpo.completions_per_step
    )
    return RunLine(
        seed=point.seed,
        steps=int(metrics[-1]["step"] or 0),
        verdict=judged.verdict.value,
        reward=Change(first=judged.first, last=judged.last),
        measured=_measured(store),
    )


def _measured(store: RunStore) -> dict[str, Change]:
    before, after = (_figures(store.read_eval(name)) for name in ("before", "after"))
    return {n: Change(first=before.get(n), last=after.get(n)) for n in MEASURED}


def _figures(measurement: dict[str, Any] | None) -> dict[str, float]:
    return {} if measurement is None else dict(measurement["figures"])


def _value_rows(value: ValueResult, runs: Sequence[RunLine]) -> Iterator[str]:
    words = [f"`{v}`" for v in value.values]
    if not runs:
        yield _row((*words, f"0 of {len(value.runs)}", *[""] * (len(_HEAD) - 1)))
        return
    seeds = str(len(runs)) if len(runs) == len(value.runs) else f"{len(runs)} of {len(value.runs)}"
    yield _row(
        (
            *(f"**{w}**" for w in words),
            seeds,
            f"{np.mean([r.steps for r in runs]):.0f}",
            _text(_mean(r.reward for r in runs), "{:.2f}"),
            *(_share(_mean(r.measured[n] for r in runs)) for n in MEASURED),
            value.verdict.value,
        )
    )
    if len(runs) > 1:
        for r in runs:
            cells = (f"seed {r.seed}", str(r.steps), _text(r.reward, "{:.2f}"))
            yield _row((*words, *cells, *(_share(r.measured[n]) for n in MEASURED), r.verdict))


def _mean(changes: Iterable[Change]) -> Change:
    """Of those runs that have both ends."""
    whole = [(c.first, c.last) for c in changes if c.first is not None and c.last is not None]
    if not whole:
        return Change()
    return Change(
        first=float(np.mean([a for a, _ in whole])), last=float(np.mean([b for _, b in whole]))
    )


def _share(change: Change) -> str:
    return _text(Change(
        first=None if change.first is None else 100 * change.first,
        last=None if change.last is None else 100 * change.last,
    ), "{:.1f}", " %")  # fmt: skip


def _text(change: Change, form: str, unit: str = "") -> str:
    if not change.known:
        return ""
    return f"{form.format(change.first)} → {form.format(change.last)}{unit}".replace("-", "−")


def _row(cells: Sequence[str]) -> str:
    return "| " + " | ".join(cells) + " |"
