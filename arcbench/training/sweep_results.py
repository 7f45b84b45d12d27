"""What came of a sweep: figures and a verdict for each value, from the folders of its runs.

Works in the middle of a sweep as well: what is not there yet is left out.
"""

from collections.abc import Mapping, Sequence
from dataclasses import asdict, dataclass
from statistics import median
from typing import Any

from arcbench import jobs, series
from arcbench.files import write_json
from arcbench.runs import Metrics, RunState, RunStatus, RunStore
from arcbench.training.config import TrainConfig
from arcbench.training.sweep import Point, SweepFolder, SweepPlan
from arcbench.training.sweep_course import Series
from arcbench.training.sweep_verdict import (
    Judged,
    Verdict,
    judge_run,
    judge_seeds,
    mean_series,
)


@dataclass(frozen=True, kw_only=True, slots=True)
class RunResult:
    """One run of a value."""

    run: str
    seed: int
    state: str  # of arcbench.runs.RunState
    reason: str  # why it ended, if not plainly
    step: int
    total_steps: int
    verdict: Verdict
    evidence: str


@dataclass(frozen=True, kw_only=True, slots=True)
class ValueResult:
    """One value (of each axis), over its seeds.

    First and last are means over the steps that the verdict compares; None: no step yet.
    """

    values: tuple[str, ...]
    verdict: Verdict
    evidence: str
    reward_first: float | None
    reward_last: float | None
    solve_first: float | None  # share of completions with every pair exact
    solve_last: float | None
    seconds_step: float | None  # median
    runs: tuple[RunResult, ...]
    last_by_seed: tuple[float, ...]  # the last reward of each seed that has steps


@dataclass(frozen=True, kw_only=True, slots=True)
class SweepResults:
    """All values, and the metrics that they were judged by."""

    plan: SweepPlan
    values: tuple[ValueResult, ...]
    metrics: Mapping[str, Sequence[Metrics]]  # by run

    @property
    def counts(self) -> dict[str, int]:
        """How many runs are in each state."""
        states = [r.state for v in self.values for r in v.runs]
        return {s: states.count(s) for s in sorted(set(states))}

    @property
    def best(self) -> ValueResult | None:
        """The value that learns and ends highest; None: none is called learning (yet)."""
        learning = [v for v in self.values if v.verdict is Verdict.LEARNING]
        return max(learning, key=lambda v: v.reward_last or 0.0, default=None)

    def to_dict(self) -> dict[str, Any]:
        """The content of results.json."""
        return {
            "axes": [a.name for a in self.plan.axes],
            "runs": self.counts,
            "values": [asdict(v) for v in self.values],
        }


def collect(folder: SweepFolder, plan: SweepPlan) -> SweepResults:
    """Read and judge all runs that have begun."""
    metrics: dict[str, Sequence[Metrics]] = {}
    for point in plan.points:
        store = folder.run(point)
        metrics[point.run] = [] if store is None else store.metrics()
    values = tuple(_value(folder, v, points, metrics) for v, points in plan.values.items())
    return SweepResults(plan=plan, values=values, metrics=metrics)


def save(folder: SweepFolder, results: SweepResults) -> None:
    """Write results.json and the table, and draw the chart."""
    from arcbench.files import replacing, write_text
    from arcbench.plots_sweep import sweep_chart
    from arcbench.training.sweep_table import markdown

    write_json(folder.results_file, results.to_dict())
    write_text(folder.table_file, markdown(folder, results))
    with replacing(folder.chart_file) as partial:
        sweep_chart(results).savefig(partial, dpi=130, format="png")


def _value(
    folder: SweepFolder,
    values: tuple[str, ...],
    points: Sequence[Point],
    metrics: Mapping[str, Sequence[Metrics]],
) -> ValueResult:
    first = TrainConfig.from_dict(points[0].config)
    floor, completions = first.reward.range[0], first.grpo.completions_per_step
    begun = [metrics[p.run] for p in points if metrics[p.run]]
    judged = judge_seeds(begun, floor=floor, completions=completions)
    solved = mean_series(begun, series.SOLVE_RATE)
    seconds = [s for r in begun for m in r if (s := m.get(series.SECONDS_STEP)) is not None]
    ends = (mean_series([r], series.REWARD_MEAN)[-max(judged.end, 1) :] for r in begun)
    return ValueResult(
        values=values,
        verdict=judged.verdict,
        evidence=judged.evidence,
        reward_first=judged.first,
        reward_last=judged.last,
        solve_first=float(solved[: judged.begin].mean()) if _has(judged, solved) else None,
        solve_last=float(solved[-judged.end :].mean()) if _has(judged, solved) else None,
        seconds_step=median(seconds) if seconds else None,
        runs=tuple(_run(folder, p, metrics[p.run], floor, completions) for p in points),
        last_by_seed=tuple(float(end.mean()) for end in ends if len(end)),
    )


def _has(judged: Judged, solved: Series) -> bool:
    return judged.begin > 0 and len(solved) > 0


def _run(
    folder: SweepFolder, point: Point, metrics: Sequence[Metrics], floor: float, completions: int
) -> RunResult:
    judged = judge_run(metrics, floor=floor, completions=completions)
    store = folder.run(point)
    total = int(point.config["steps"])
    status = None if store is None else store.status()
    return RunResult(
        run=point.run,
        seed=point.seed,
        state=(RunState.CREATED if status is None else status.state).value,
        reason="" if store is None or status is None else _reason(store, status),
        step=int(metrics[-1]["step"] or 0) if metrics else 0,
        total_steps=total,
        verdict=judged.verdict,
        evidence=judged.evidence,
    )


def _reason(store: RunStore, status: RunStatus) -> str:
    """Why a run ended; of one that ended without a word, the last line of its log."""
    if status.state is not RunState.DIED or not (last := jobs.tail(store, 1).strip()):
        return status.reason
    return f"{status.reason}; its log ends with: {last[:300]}"
