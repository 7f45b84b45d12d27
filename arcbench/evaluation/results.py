"""What an evaluation found: sums of each task, and the figures that follow from them."""

from collections import Counter
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import asdict, dataclass, field
from pathlib import Path
from typing import Any

import numpy as np
from rich.table import Table

from arcbench.errors import UserError
from arcbench.evaluation.pass_at_k import (
    PassAtK,
    TaskCount,
    curve_ks,
    doubtful,
    evaluate_counts,
)
from arcbench.evaluation.record import Record
from arcbench.rewards import Pairs
from arcbench.sandbox.types import Outcome
from arcbench.scoring import Split

SCHEMA = 1  # of results.json; raise it with every change of the fields
# Pixel scores are summed in whole units, so that the sum is the same in every order.
PIXEL_UNITS = 2**40


@dataclass(frozen=True, kw_only=True, slots=True)
class SplitCounts:
    """Sums over the samples of a task, of those pairs of one split whose output is known."""

    pairs: int
    exact: int  # pairs
    pixel_units: int  # sum of the pixel scores × PIXEL_UNITS; 0 for a pair without a grid
    solved: int  # samples with every pair exact

    @property
    def pixel_score(self) -> float:
        """Mean over all pairs of all samples, 0–1."""
        return self.pixel_units / PIXEL_UNITS / self.pairs

    @property
    def correct_grids(self) -> float:
        """Share of exact pairs, 0–1."""
        return self.exact / self.pairs


@dataclass(frozen=True, kw_only=True, slots=True)
class TaskResult:
    """Sums over the samples of one task. `test` and `solved` are None where no test output is
    known; `train` where there are no samples.
    """

    task_id: str
    samples: int = 0
    valid_code: int = 0  # samples with a program that Python can parse
    valid_outputs: int = 0  # samples that drew a grid for every input
    unique_outputs: int = 0  # different ones among those
    truncated: int = 0  # samples that were cut at the token limit
    tokens: int = 0  # of all completions; 0 where the policy does not tell
    outcomes: Mapping[Outcome, int] = field(default_factory=dict)
    train: SplitCounts | None = None
    test: SplitCounts | None = None
    solved: int | None = None  # samples with every train and test pair exact

    def count(self, pairs: Pairs = "all") -> TaskCount:
        """Samples, and those that solve all pairs or the train pairs (0 where that is unknown)."""
        solved = self.solved if pairs == "all" else self.train and self.train.solved
        return TaskCount(samples=self.samples, solved=solved or 0)

    def figures(self) -> dict[str, float | None]:
        """The line of the table that researchers read; None: unknown, or no samples.

        All but the first, the last and mean_tokens are shares of the samples, or means over them.
        """
        n = self.samples
        shares: dict[str, float | None] = {
            name: getattr(self, name) / n if n else None
            for name in ("valid_code", "valid_outputs", "unique_outputs", "truncated")
        }
        truncated = shares.pop("truncated")
        return {
            "n_preds": float(n),
            **shares,
            **_split_figures("train", self.train, n),
            **_split_figures("test", self.test, n),
            "pass_rate": None if self.solved is None else self.solved / n,
            "is_correct": None if self.solved is None else float(self.solved > 0),
            "truncated": truncated,
            "mean_tokens": self.tokens / n if self.tokens else None,
        }


def _split_figures(
    split: Split, counts: SplitCounts | None, samples: int
) -> dict[str, float | None]:
    names = ("pixel_score", "correct_grids", "pass_rate", "is_correct")
    values: tuple[float | None, ...] = (None,) * len(names)
    if counts is not None:
        rate, found = counts.solved / samples, float(counts.solved > 0)
        values = (counts.pixel_score, counts.correct_grids, rate, found)
    return {f"{split}_{name}": value for name, value in zip(names, values, strict=True)}


FIGURES = tuple(TaskResult(task_id="").figures())  # the names, in the order of the table


@dataclass(frozen=True, kw_only=True, slots=True)
class Results:
    """An evaluation in figures. Totals are means over the tasks that have samples."""

    tasks: tuple[TaskResult, ...]  # in the order of the data set
    pass_at_k: tuple[PassAtK, ...] = ()  # of the ks that were asked for and can be told
    curve: tuple[PassAtK, ...] = ()  # from k = 1 to all samples
    warnings: tuple[str, ...] = ()
    facts: Mapping[str, Any] = field(default_factory=dict)  # how it was made, JSON-able

    @property
    def pairs(self) -> Pairs:
        """Which pairs "solved" is about: train, where no test output of any task is known."""
        return "all" if any(t.solved is not None for t in self.tasks) else "train"

    @property
    def judged(self) -> tuple[TaskResult, ...]:
        """The tasks that have samples of which one can tell whether they solve it."""
        return _judged(self.tasks, self.pairs)

    @property
    def counts(self) -> dict[str, TaskCount]:
        """Samples and solved ones of the judged tasks, by `pairs`."""
        return {t.task_id: t.count(self.pairs) for t in self.judged}

    @property
    def samples(self) -> int:
        """Of all tasks together."""
        return sum(t.samples for t in self.tasks)

    @property
    def solved_tasks(self) -> tuple[str, ...]:
        """The judged tasks with at least one sample that solves them."""
        return tuple(name for name, c in self.counts.items() if c.solved)

    @property
    def outcomes(self) -> dict[Outcome, float]:
        """Share of all samples that ended in each way, in the order of `Outcome`."""
        found: Counter[Outcome] = Counter()
        for t in self.tasks:
            found.update(t.outcomes)
        return {o: found[o] / self.samples for o in Outcome if found[o]}

    def total(self) -> dict[str, float | None]:
        """Each figure's mean over the tasks that have it; None where none has."""
        lines = [t.figures() for t in self.tasks if t.samples]
        found = {name: [v for x in lines if (v := x[name]) is not None] for name in FIGURES}
        return {name: float(np.mean(v)) if v else None for name, v in found.items()}

    def table(self, *, tasks: bool = False, width: int = 80) -> Table:
        """The totals for a terminal; with `tasks` a line for each, as `width` columns allow."""
        from arcbench.evaluation import table

        return table.tasks_table(self, width) if tasks else table.totals_table(self)

    def to_dict(self) -> dict[str, Any]:
        """JSON-able values without nan; what follows from the sums is there for other readers."""
        return {
            "schema": SCHEMA,
            "facts": dict(self.facts),
            "warnings": list(self.warnings),
            "total": self.total(),
            "outcomes": {o.value: share for o, share in self.outcomes.items()},
            "judged_by": self.pairs,
            "pass_at_k": [asdict(p) for p in self.pass_at_k],
            "curve": [asdict(p) for p in self.curve],
            # `arcbench.training.curriculum.read_pass_rates` reads this part.
            "pass_rates": {name: asdict(c) for name, c in self.counts.items()},
            "tasks": [_task_to_dict(t) for t in self.tasks],
        }

    @classmethod
    def from_dict(cls, data: Mapping[str, Any]) -> "Results":
        """The inverse of `to_dict`; UserError where it was written by a newer arcbench."""
        if data["schema"] > SCHEMA:
            raise UserError(
                f"these results have schema {data['schema']}, this arcbench reads up to {SCHEMA}: "
                "update it"
            )
        return cls(
            tasks=tuple(_task_from_dict(t) for t in data["tasks"]),
            pass_at_k=tuple(PassAtK(**p) for p in data["pass_at_k"]),
            curve=tuple(PassAtK(**p) for p in data["curve"]),
            warnings=tuple(data["warnings"]),
            facts=data["facts"],
        )


def _judged(tasks: Iterable[TaskResult], pairs: Pairs) -> tuple[TaskResult, ...]:
    return tuple(t for t in tasks if t.samples and (pairs == "train" or t.solved is not None))


def _task_to_dict(task: TaskResult) -> dict[str, Any]:
    data = asdict(task)
    data["outcomes"] = {o.value: task.outcomes[o] for o in Outcome if task.outcomes.get(o)}
    data["figures"] = task.figures()
    return data


def _task_from_dict(data: Mapping[str, Any]) -> TaskResult:
    kept = {k: v for k, v in data.items() if k != "figures"}
    kept["outcomes"] = {Outcome(o): n for o, n in data["outcomes"].items()}
    for split in ("train", "test"):
        kept[split] = None if data[split] is None else SplitCounts(**data[split])
    return TaskResult(**kept)


@dataclass(slots=True)
class _Sums:
    """The growing sums of one task."""

    samples: int = 0
    valid_code: int = 0
    valid_outputs: int = 0
    truncated: int = 0
    tokens: int = 0
    solved: int = 0
    drawn: set[bytes] = field(default_factory=set)  # digests of outputs
    outcomes: Counter[Outcome] = field(default_factory=Counter)
    # pairs, exact ones, pixel units, samples with all exact
    splits: dict[Split, list[int]] = field(
        default_factory=lambda: {"train": [0, 0, 0, 0], "test": [0, 0, 0, 0]}
    )

    def add(self, record: Record) -> None:
        self.samples += 1
        self.valid_code += record.outcome.has_code
        self.truncated += record.truncated
        self.tokens += record.tokens
        self.solved += record.score.solved
        self.outcomes[record.outcome] += 1
        if record.outputs and all(grid is not None for grid in record.outputs):
            self.valid_outputs += 1
            self.drawn.add(record.drawn)
        of_sample: dict[Split, list[int]] = {"train": [0, 0, 0], "test": [0, 0, 0]}
        for p in record.score.pairs:
            found = of_sample[p.split]
            found[0] += 1
            found[1] += p.exact
            found[2] += round(p.pixel * PIXEL_UNITS)
        for split, (pairs, exact, units) in of_sample.items():
            sums = self.splits[split]
            sums[0] += pairs
            sums[1] += exact
            sums[2] += units
            sums[3] += 0 < pairs == exact

    def merge(self, other: "_Sums") -> None:
        for name in ("samples", "valid_code", "valid_outputs", "truncated", "tokens", "solved"):
            setattr(self, name, getattr(self, name) + getattr(other, name))
        self.drawn |= other.drawn
        self.outcomes += other.outcomes
        for split, sums in self.splits.items():
            sums[:] = [a + b for a, b in zip(sums, other.splits[split], strict=True)]

    def result(self, task_id: str) -> TaskResult:
        train, test = (
            SplitCounts(pairs=s[0], exact=s[1], pixel_units=s[2], solved=s[3]) if s[0] else None
            for s in self.splits.values()
        )
        return TaskResult(
            task_id=task_id,
            samples=self.samples,
            valid_code=self.valid_code,
            valid_outputs=self.valid_outputs,
            unique_outputs=len(self.drawn),
            truncated=self.truncated,
            tokens=self.tokens,
            outcomes={o: self.outcomes[o] for o in Outcome if self.outcomes[o]},
            train=train,
            test=test,
            solved=None if test is None else self.solved,
        )


class Tally:
    """Adds records up, in any order; keeps a digest of each different output, and no sample.

    `tasks` are the ids of all tasks in the order of the data set: a TaskSet, or a sequence.
    """

    def __init__(self, tasks: Iterable[str]) -> None:
        self._sums = {task_id: _Sums() for task_id in tasks}

    @property
    def samples(self) -> int:
        """How many records there were."""
        return sum(s.samples for s in self._sums.values())

    def add(self, record: Record) -> None:
        """Count one sample; KeyError where its task is none of the evaluation's."""
        self._sums[record.task_id].add(record)

    def merge(self, other: "Tally") -> None:
        """Count all that the other tally of the same tasks has counted."""
        for task_id, sums in other._sums.items():
            self._sums[task_id].merge(sums)

    def task(self, task_id: str) -> TaskResult:
        """Where one task stands."""
        return self._sums[task_id].result(task_id)

    def results(self, ks: Sequence[int], rng: np.random.Generator, **facts: Any) -> Results:
        """All figures as they stand; `facts` (JSON-able) tell how the samples were made."""
        plain = Results(tasks=tuple(s.result(t) for t, s in self._sums.items()), facts=facts)
        return with_pass_at_k(plain, ks, rng)


def with_pass_at_k(results: Results, ks: Sequence[int], rng: np.random.Generator) -> Results:
    """The results with pass@k of `ks`, the whole curve, and what a reader must know of them."""
    counts = results.counts
    asked = sorted({int(k) for k in ks})
    if any(k < 1 for k in asked):
        raise UserError(f"k must be at least 1, not {asked[0]}")
    told = list(_what_is_missing(results))
    kept, doubts = doubtful(counts, asked)
    least = min((c.samples for c in counts.values()), default=0)
    at_k = {}
    if counts:
        drawn = sorted({*kept, *curve_ks(least)})
        at_k = {p.k: p for p in evaluate_counts(counts, drawn, rng)}
    return Results(
        tasks=results.tasks,
        pass_at_k=tuple(at_k[k] for k in kept),
        curve=tuple(at_k.values()),
        warnings=(*told, *doubts),
        facts=results.facts,
    )


def _what_is_missing(results: Results) -> Iterable[str]:
    every = len(results.tasks)
    if none := sum(not t.samples for t in results.tasks):
        yield f"{none} of {every} tasks have no samples: the totals are of the others"
    if results.samples and results.pairs == "train":
        yield "no test output is known: solved means that all train pairs are exact"
    elif unknown := sum(t.samples > 0 and t.solved is None for t in results.tasks):
        yield f"{unknown} of {every} tasks have no known test output: pass rates are of the others"


def read_results(path: Path) -> Results:
    """The results in a results.json, or in the folder that has one; UserError if there is none."""
    import json

    file = path / "results.json" if path.is_dir() else path
    if not file.is_file():
        raise UserError(f"no results: {file} is not there")
    try:
        return Results.from_dict(json.loads(file.read_text(encoding="utf-8")))
    except UserError:
        raise
    except (ValueError, KeyError, TypeError, AttributeError) as problem:
        raise UserError(
            f"{file} holds no results of an evaluation: {type(problem).__name__}: {problem}"
        ) from problem
