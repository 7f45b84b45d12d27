"""The calls of `Workbench` around runs, sweeps, evaluations and submissions that notebooks make."""

import threading
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import replace
from pathlib import Path
from typing import Protocol

import numpy as np

from arcbench.errors import UserError
from arcbench.evaluation import EvalStore, Results
from arcbench.evaluation.compare import Comparison, Side, compare_sides
from arcbench.evaluation.sides import read_sides
from arcbench.groups import GROUP_SIZES, GroupSizes, group_sizes
from arcbench.parts import Part, in_part
from arcbench.rollouts import Rollout
from arcbench.runs import RunStatus, RunStore, free_name
from arcbench.submission import (
    Report,
    Submission,
    SubmissionScore,
    build_submission,
    read_challenges,
    read_solutions,
    score_submission,
    validate_submission,
    write_submission,
)
from arcbench.submission.challenges import write_challenges
from arcbench.submission.gather import gather
from arcbench.tasks import Task, TaskSet
from arcbench.training.config import TrainConfig, overfit_config
from arcbench.training.config_build import with_changes
from arcbench.training.measure import Measurement
from arcbench.training.sweep import Axis, SweepFolder, make_plan
from arcbench.training.sweep_job import goes_on, start_sweep, stop_sweep
from arcbench.training.sweep_results import SweepResults, collect


class _Bench(Protocol):
    """What they need of the workbench."""

    runs_root: Path
    evals_root: Path
    _lock: threading.Lock

    def tasks(self, dataset: str = ..., split: str | None = ...) -> TaskSet: ...
    def run(self, name: str) -> RunStore: ...
    def evaluation(self, name: str) -> EvalStore: ...
    def results(self, name: str) -> Results | None: ...


class RunCalls:
    """Settings by name, sweeps, comparisons, group sizes, submissions."""

    # Before a run

    def settings(self, changes: Mapping[str, object], *, task_id: str | None = None) -> TrainConfig:
        """The settings of a training run, some changed by name: {"grpo.learning_rate": 1e-5}.

        With `task_id` they start from those of a run on that task alone, else from the defaults.
        UserError naming a setting that is unknown, of the wrong type, or contradicts another.
        """
        base = {} if task_id is None else overfit_config(task_id).to_dict()
        words = [f"{name}={_word(value)}" for name, value in changes.items()]
        return TrainConfig.from_dict(with_changes(base, words))

    def free_run(self: _Bench, wanted: str) -> str:
        """The name `wanted` for a run, or the first of `wanted-2` … that is not taken."""
        return free_name(self.runs_root, wanted)

    def smallest_tasks(
        self: _Bench,
        count: int,
        dataset: str = "arc-agi-1",
        split: str | None = "training",
        *,
        part: Part = "all",
    ) -> tuple[str, ...]:
        """The ids of the `count` tasks with the fewest cells, whose prompts are the shortest.

        `part` "train" and "held-out" share no task (see `arcbench.parts`).
        """
        tasks = self.tasks(dataset, split)
        by_size = sorted(in_part(tasks, part), key=lambda t: _cells(tasks[t]))
        if not 1 <= count <= len(by_size):
            raise UserError(f"count must be between 1 and the {len(by_size)} tasks, not {count}")
        return tuple(by_size[:count])

    def group_sizes(
        self: _Bench, evaluation: str, sizes: Sequence[int] = GROUP_SIZES
    ) -> GroupSizes:
        """How often groups of each size would have a signal, by an evaluation's pass rates."""
        return group_sizes(_figures(self, evaluation).counts, sizes)

    # What runs measured

    def measured(self: _Bench, run: str) -> dict[str, Measurement]:
        """What a run measured of its tasks: "before", "after", those that are there."""
        store = self.run(run)
        found = {which: store.read_eval(which) for which in ("before", "after")}
        return {w: Measurement.from_dict(data) for w, data in found.items() if data is not None}

    # Sweeps

    def start_sweep(
        self: _Bench,
        config: TrainConfig,
        values: Mapping[str, Sequence[object]],
        *,
        seeds: Sequence[int] = (),
        parallel: int | None = None,
        name: str | None = None,
    ) -> str:
        """Train with each value of a setting (a grid of several), in a process of its own.

        `values` is {"grpo.learning_rate": (1e-5, 1e-4)}; every point is run with each of `seeds`,
        `parallel` at a time. Returns the sweep's name. UserError, before anything starts, names a
        point that cannot be run.
        """
        axes = [Axis(name=n, values=tuple(_word(v) for v in vs)) for n, vs in values.items()]
        plan = make_plan(config.to_dict(), axes, seeds=seeds)
        wanted = "-".join(["sweep", *(a.short for a in axes)])[:90]
        with self._lock:
            chosen = free_name(self.runs_root, wanted) if name is None else name
            return start_sweep(plan, self.runs_root, chosen, parallel=parallel).path.name

    def sweep(self: _Bench, name: str) -> SweepResults:
        """Figures and a verdict for each value of a sweep, also while it goes on."""
        folder = _sweep(self, name)
        return collect(folder, folder.plan())

    def sweep_states(self: _Bench, name: str) -> dict[str, RunStatus]:
        """Where each run of a sweep stands that has begun."""
        folder = _sweep(self, name)
        stores = [folder.run(point) for point in folder.plan().points]
        return {store.name: store.status() for store in stores if store is not None}

    def sweep_goes_on(self: _Bench, name: str) -> bool:
        """Whether more will come of a sweep."""
        return goes_on(_sweep(self, name))

    def sweep_ends(self: _Bench, name: str) -> dict[str, list[Rollout]]:
        """The completions of the last step of each value, those of its seeds together."""
        folder = _sweep(self, name)
        found: dict[str, list[Rollout]] = {}
        for values, points in folder.plan().values.items():
            stores = [store for p in points if (store := folder.run(p)) is not None]
            ends = [
                store.rollouts(steps[-1]) for store in stores if (steps := store.rollout_steps())
            ]
            if ends:
                found[", ".join(values)] = [r for end in ends for r in end]
        return found

    def stop_sweep(self: _Bench, name: str) -> None:
        """Ask a sweep's runs to save and end, start no other, and wait until they have."""
        stop_sweep(_sweep(self, name))

    # Comparisons

    def compare(
        self: _Bench,
        first: str,
        second: str | None = None,
        *,
        tasks: Iterable[str] = (),
        ks: Sequence[int] = (),
        seed: int = 0,  # of the bootstrap
    ) -> Comparison:
        """What changed from one evaluation, or training run, to another; of `tasks` only.

        A run alone: its before and after; beside another one a run stands for its state after
        training. No `tasks`: all that both have.
        """
        other = None if second is None else _measured(self, second)
        a, b = read_sides(_measured(self, first), other)
        only = set(tasks)
        sides = (_of_tasks(a, only), _of_tasks(b, only)) if only else (a, b)
        return compare_sides(*sides, rng=np.random.default_rng(seed), ks=ks)

    # Submissions

    def write_challenges(
        self: _Bench,
        folder: str | Path,
        task_ids: Iterable[str] = (),
        *,
        dataset: str = "arc-agi-1",
        split: str | None = "evaluation",
    ) -> tuple[Path, Path]:
        """Write tasks as Kaggle's two files, challenges and solutions; returns their paths.

        For trying a submission out where the answers are known. No `task_ids`: all tasks.
        """
        tasks = self.tasks(dataset, split)
        return write_challenges(Path(folder), [tasks.task(t) for t in task_ids or tasks])

    def submit(
        self: _Bench, evaluation: str, challenges: str | Path, out: str | Path
    ) -> Submission:
        """Write the submission that an evaluation's judged samples give; also while it runs."""
        wanted = read_challenges(Path(challenges))
        made = build_submission(wanted, gather(self.evaluation(evaluation), wanted).ballots)
        write_submission(Path(out), made)
        return made

    def check_submission(self, file: str | Path, challenges: str | Path) -> Report:
        """Every defect of a submission, each with its place."""
        return validate_submission(Path(file), read_challenges(Path(challenges)).num_tests)

    def score_submission(
        self, file: str | Path, challenges: str | Path, solutions: str | Path
    ) -> SubmissionScore:
        """What a submission is worth; UserError where it is not valid."""
        report = self.check_submission(file, challenges)
        if not report.valid:
            raise UserError(f"{file} is not valid: {report.defects[0]}")
        return score_submission(report.content, read_solutions(Path(solutions), Path(challenges)))


def _cells(task: Task) -> int:
    """Of the grids that a prompt shows: most of its length."""
    grids = [*task.inputs, *(p.output for p in task.train if p.output is not None)]
    return sum(grid.size for grid in grids)


def _word(value: object) -> str:
    """A value as `--set` and `--over` read it."""
    if value is None:
        return "null"
    if isinstance(value, bool):
        return str(value).lower()
    if isinstance(value, list | tuple):
        return ",".join(_word(v) for v in value)
    return str(value)


def _sweep(bench: _Bench, name: str) -> SweepFolder:
    return SweepFolder.open(bench.runs_root / name)


def _figures(bench: _Bench, evaluation: str) -> Results:
    results = bench.results(evaluation)
    if results is None:
        raise UserError(f"evaluation {evaluation} has no figures yet: wait until it is over")
    return results


def _measured(bench: _Bench, name: str) -> Path:
    """The folder of the evaluation or, where there is none, of the run of that name."""
    folder = bench.evals_root / name
    return folder if folder.is_dir() else bench.run(name).path


def _of_tasks(side: Side, tasks: set[str]) -> Side:
    """What a side knows of some tasks; figures that are known only in total are left out."""
    return replace(
        side,
        counts={t: c for t, c in side.counts.items() if t in tasks},
        figures={t: f for t, f in side.figures.items() if t in tasks},
        totals={},
    )
