"""What training brought: evaluations of a policy before, and of what several runs made of it.

Tasks that are solved sometimes, but in under half of the samples, are looked at apart. Who chooses
them by the very samples that tell their rate compares with luck (regression to the mean), so they
are chosen by every second sample of the evaluation before, and their rate before is that of the
others.
"""

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any

import numpy as np
import numpy.typing as npt

from arcbench.errors import UserError
from arcbench.evaluation.config import EvalConfig
from arcbench.evaluation.differences import paired
from arcbench.evaluation.pass_at_k import (
    FEW_TASKS,
    Floats,
    bootstrap_means,
    bootstrap_tail,
    pass_at_ks,
)
from arcbench.evaluation.results import Results, read_results
from arcbench.evaluation.store import EvalStore
from arcbench.parts import Part, in_part
from arcbench.policies.sources import pinned, run_of

BELOW = 0.5  # tasks with rates between 0 and this are those that are solved sometimes
SEEDS = "all seeds"

Flags = npt.NDArray[np.bool_]


@dataclass(frozen=True, kw_only=True, slots=True)
class Evaluated:
    """One evaluation."""

    path: Path
    config: EvalConfig
    results: Results

    @classmethod
    def read(cls, path: Path) -> "Evaluated":
        """The evaluation in a folder; UserError where it is none, or has no figures yet."""
        store = EvalStore.open(path)
        if not (path / "results.json").is_file():
            raise UserError(f"{path} has no results.json: the evaluation has not finished")
        return cls(path=path, config=store.config(), results=read_results(path))

    @property
    def data(self) -> tuple[str, str | None]:
        """Data set and split."""
        return self.config.dataset, self.config.split

    @property
    def run(self) -> Path | None:
        """The folder of the training run whose policy it is; None: it is of none."""
        return run_of(Path(pinned(self.config.adapter or self.config.policy)))

    def solved(self, tasks: Sequence[str]) -> dict[str, Flags]:
        """Which samples of each task solve it: (samples,) in their order."""
        import pyarrow.parquet as pq

        n = self.config.n
        found = {t: np.zeros(n, dtype=np.bool_) for t in tasks}
        for shard in EvalStore.open(self.path).shards():
            table = pq.read_table(shard, columns=["task_id", "index", "solved"])
            columns = (table.column(name).to_pylist() for name in table.column_names)
            for task, index, solved in zip(*columns, strict=True):
                if task in found:
                    found[task][index] = bool(solved)
        return found


@dataclass(frozen=True, kw_only=True, slots=True)
class Figure:
    """A mean over tasks before and after, each and their difference with its 95 % interval.

    The intervals are of a bootstrap over tasks; None where there are too few of them.
    """

    name: str
    before: float
    after: float
    before_interval: tuple[float, float] | None
    after_interval: tuple[float, float] | None
    change_interval: tuple[float, float] | None

    @property
    def ratio(self) -> float | None:
        """After by before."""
        return self.after / self.before if self.before else None


@dataclass(frozen=True, kw_only=True, slots=True)
class Sometimes:
    """Tasks that the policy solved sometimes before, but in under half of the samples."""

    tasks: int
    before: float  # mean pass rate over those samples that did not choose the tasks
    after: float
    ratio_interval: tuple[float, float] | None  # 95 %, of after by before
    before_chosen: float  # the same where all samples both choose the tasks and tell their rate
    after_chosen: float
    tasks_chosen: int


@dataclass(frozen=True, kw_only=True, slots=True)
class Gain:
    """One part of the tasks, for one run or for all of them."""

    part: str  # "trained on", "held out", or the name of other data
    run: str  # its name, or SEEDS
    tasks: int
    samples: int  # a task, on each side
    figures: tuple[Figure, ...]
    sometimes: Sometimes
    gained: tuple[str, ...]  # tasks that are solved after only; of all seeds: by most of them
    lost: tuple[str, ...]

    def to_dict(self) -> dict[str, Any]:
        """Plain JSON-able values."""
        return {
            **asdict(self),
            "figures": [{**asdict(f), "ratio": f.ratio} for f in self.figures],
        }


def gains(before: Sequence[Path], after: Sequence[Path], *, rng: np.random.Generator) -> list[Gain]:
    """What each run gained on each part of the tasks, and all of them together.

    `before` has one evaluation of every data set, `after` one of every run and data set. The tasks
    of the data that a run was trained on are told by their part (see `arcbench.parts`). UserError
    where an evaluation has no counterpart, or is drawn in another way than it.
    """
    starts = {e.data: e for e in map(Evaluated.read, before)}
    ends: dict[tuple[str, str | None], list[Evaluated]] = {}
    for e in map(Evaluated.read, after):
        if e.data not in starts:
            raise UserError(
                f"{e.path} evaluates {e.config.data_name}, and no evaluation before does: name "
                "one in --before"
            )
        _check_same(starts[e.data], e)
        ends.setdefault(e.data, []).append(e)
    found: list[Gain] = []
    for data, runs in ends.items():
        start = starts[data]
        flags = start.solved([t.task_id for t in start.results.tasks])
        for name, part in _parts(start, runs):
            tasks = in_part(start.results.counts, part)
            tasks = [t for t in tasks if all(t in r.results.counts for r in runs)]
            if tasks:
                found += _part_gains(name, tasks, start, runs, flags, rng)
    return found


def _check_same(a: Evaluated, b: Evaluated) -> None:
    names = ("n", "temperature", "top_p", "max_new_tokens", "views", "template")
    for name in names:
        mine, other = getattr(a.config, name), getattr(b.config, name)
        if mine != other:
            raise UserError(f"{a.path} has {name} {mine} and {b.path} {other}: nothing to compare")


def _parts(start: Evaluated, runs: Sequence[Evaluated]) -> list[tuple[str, Part]]:
    """Which parts are told apart, and what each is called."""
    import json

    trained = False
    for run in (e.run for e in runs):
        if run is not None:
            settings = json.loads((run / "config.json").read_text(encoding="utf-8"))["data"]
            same = (settings["dataset"], settings["split"]) == start.data
            trained = trained or (same and settings.get("part") == "train")
    whole: list[tuple[str, Part]] = [(start.config.data_name, "all")]
    if not trained:
        return whole
    return [("trained on", "train"), ("held out", "held-out"), *whole]


def _part_gains(
    name: str,
    tasks: Sequence[str],
    start: Evaluated,
    runs: Sequence[Evaluated],
    flags: Mapping[str, Flags],
    rng: np.random.Generator,
) -> list[Gain]:
    many = [(_run_name(e), [e]) for e in runs]
    if len(runs) > 1:
        many.append((SEEDS, list(runs)))
    return [_gain(name, run, tasks, start, ends, flags, rng) for run, ends in many]


def _run_name(e: Evaluated) -> str:
    return e.path.name if e.run is None else e.run.name


def _gain(
    part: str,
    run: str,
    tasks: Sequence[str],
    start: Evaluated,
    ends: Sequence[Evaluated],
    flags: Mapping[str, Flags],
    rng: np.random.Generator,
) -> Gain:
    n = start.config.n
    ks = [k for k in (1, 8, 64) if k <= n]
    names = [f"pass@{k}" for k in ks]
    a_TK = pass_at_ks([start.results.counts[t] for t in tasks], ks)
    b_TK = np.mean([pass_at_ks([e.results.counts[t] for t in tasks], ks) for e in ends], axis=0)
    if n not in ks:
        names.append(f"solved in {n}")
        a_TK = np.column_stack([a_TK, _solved(start, tasks)])
        b_TK = np.column_stack([b_TK, np.mean([_solved(e, tasks) for e in ends], axis=0)])
    for figure in ("unique_outputs", "valid_outputs"):
        names.append(figure.replace("_", " "))
        a_TK = np.column_stack([a_TK, _figure(start, tasks, figure)])
        b_TK = np.column_stack([b_TK, np.mean([_figure(e, tasks, figure) for e in ends], axis=0)])
    solved_a = _solved(start, tasks) > 0
    solved_b = np.mean([_solved(e, tasks) for e in ends], axis=0) > 0.5
    return Gain(
        part=part,
        run=run,
        tasks=len(tasks),
        samples=n,
        figures=_figures(names, a_TK, b_TK, rng),
        sometimes=_sometimes([flags[t] for t in tasks], b_TK[:, 0], rng),
        gained=tuple(t for t, x, y in zip(tasks, solved_a, solved_b, strict=True) if y and not x),
        lost=tuple(t for t, x, y in zip(tasks, solved_a, solved_b, strict=True) if x and not y),
    )


def _solved(e: Evaluated, tasks: Sequence[str]) -> Floats:
    return np.array([float(e.results.counts[t].solved > 0) for t in tasks])


def _figure(e: Evaluated, tasks: Sequence[str], name: str) -> Floats:
    by_task = {t.task_id: t.figures()[name] for t in e.results.tasks}
    return np.array([by_task[t] or 0.0 for t in tasks])


def _figures(
    names: Sequence[str], a_TF: Floats, b_TF: Floats, rng: np.random.Generator
) -> tuple[Figure, ...]:
    changes = paired(names, a_TF, b_TF, rng)
    ends = [_intervals(values_TF, rng) for values_TF in (a_TF, b_TF)]
    return tuple(
        Figure(
            name=d.name,
            before=d.a,
            after=d.b,
            before_interval=ends[0][i],
            after_interval=ends[1][i],
            change_interval=None if d.low is None or d.high is None else (d.low, d.high),
        )
        for i, d in enumerate(changes)
    )


def _intervals(values_TF: Floats, rng: np.random.Generator) -> list[tuple[float, float] | None]:
    if len(values_TF) < FEW_TASKS:
        return [None] * values_TF.shape[1]
    tail = bootstrap_tail(len(values_TF))
    ends = np.quantile(bootstrap_means(values_TF, rng), [tail, 1 - tail], axis=0)
    return [(float(low), float(high)) for low, high in ends.T]


def _sometimes(flags: Sequence[Flags], after_T: Floats, rng: np.random.Generator) -> Sometimes:
    chosen = np.array([_between(f[::2].mean()) for f in flags])
    whole = np.array([_between(f.mean()) for f in flags])
    before_T = np.array([f[1::2].mean() if len(f) > 1 else f.mean() for f in flags])
    whole_T = np.array([f.mean() for f in flags])
    both = np.column_stack([before_T, after_T])[chosen]
    return Sometimes(
        tasks=int(chosen.sum()),
        before=_mean(before_T[chosen]),
        after=_mean(after_T[chosen]),
        ratio_interval=_ratio_interval(both, rng),
        before_chosen=_mean(whole_T[whole]),
        after_chosen=_mean(after_T[whole]),
        tasks_chosen=int(whole.sum()),
    )


def _between(rate: float) -> bool:
    return bool(0 < rate < BELOW)


def _mean(values: Iterable[float]) -> float:
    found = list(values)
    return float(np.mean(found)) if found else 0.0


def _ratio_interval(both_T2: Floats, rng: np.random.Generator) -> tuple[float, float] | None:
    if len(both_T2) < FEW_TASKS:
        return None
    means = bootstrap_means(both_T2, rng)
    tail = bootstrap_tail(len(both_T2))
    with np.errstate(divide="ignore", invalid="ignore"):
        low, high = np.quantile(means[:, 1] / means[:, 0], [tail, 1 - tail])
    return (float(low), float(high)) if np.isfinite([low, high]).all() else None
