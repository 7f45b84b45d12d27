"""Which tasks a run trains on and how often each comes, from pass rates that were measured before.

A group whose completions all earn the same teaches nothing. With pass rate p and G completions it
has solved and unsolved ones with the chance P(signal) = 1 − p^G − (1−p)^G.
"""

import json
from collections.abc import Mapping, Sequence
from dataclasses import asdict, dataclass, field
from pathlib import Path
from typing import Any

import numpy as np

from arcbench.errors import UserError
from arcbench.evaluation import Results, TaskCount
from arcbench.files import write_json
from arcbench.groups import signal_chance
from arcbench.preflight import (
    PreflightFinding,
    check_group_size,
    ok,
    solved_counts,
)
from arcbench.tasks import Task
from arcbench.training.config_data import BEFORE, DataConfig

_SHOWN = 6  # ids of left out tasks in a line of the log
_RATES = "pass_rates"  # the key of the file that `write_pass_rates` makes


@dataclass(frozen=True, kw_only=True, slots=True)
class LeftOut:
    """Tasks that a run does not train on, all for one reason."""

    reason: str
    tasks: tuple[str, ...]  # ids

    def __str__(self) -> str:
        more = len(self.tasks) - _SHOWN
        return self._line(self.tasks[:_SHOWN]) + (f" and {more} more" if more > 0 else "")

    @property
    def full(self) -> str:
        """The reason and every task."""
        return self._line(self.tasks)

    def _line(self, shown: Sequence[str]) -> str:
        return f"{len(self.tasks)} {self.reason}: {', '.join(shown)}"


@dataclass(frozen=True, kw_only=True, slots=True)
class Selection:
    """The tasks of a run with their weights, and those that were left out."""

    tasks: tuple[Task, ...]
    weights: tuple[float, ...]  # (tasks,) how often each comes, relative; all above 0
    counts: Mapping[str, TaskCount] = field(default_factory=dict)  # measured; empty: nothing was
    left_out: tuple[LeftOut, ...] = ()


def rate(count: TaskCount) -> float:
    """The measured pass rate."""
    return count.solved / count.samples


def select(tasks: Sequence[Task], data: DataConfig, group: int) -> Selection:
    """The tasks that `data` wants of `tasks`, for groups of `group` completions.

    Raises UserError for a file of pass rates that is not there, is none, or has none of the tasks,
    and if no task is left.
    """
    if data.signal_from in (None, BEFORE):
        return Selection(tasks=tuple(tasks), weights=(1.0,) * len(tasks))
    path = Path(str(data.signal_from))
    counts = {t: c for t, c in read_pass_rates(path).items() if c.samples}
    counts = {t.id: counts[t.id] for t in tasks if t.id in counts}
    if not counts:
        raise UserError(
            f"data.signal_from {path} has pass rates of none of the {len(tasks)} tasks of "
            f"{data.dataset}{f' ({data.split})' if data.split else ''}: sample and judge these "
            "tasks, or name their data.dataset and data.split"
        )
    best = signal_chance(0.5, group)
    if data.min_signal > best:
        raise UserError(
            f"data.min_signal {data.min_signal} cannot be reached: a group of "
            f"grpo.num_generations {group} has a signal with chance {best:.3g} at most"
        )
    kept: list[Task] = []
    weights: list[float] = []
    reasons: dict[str, list[str]] = {}
    for task in tasks:
        count = counts.get(task.id)
        weight = 0.0 if count is None else _weight(rate(count), data, group)
        why = _why_not(count, weight, data, group)
        if why:
            reasons.setdefault(why, []).append(task.id)
        else:
            kept.append(task)
            weights.append(weight)
    left_out = tuple(LeftOut(reason=why, tasks=tuple(ids)) for why, ids in reasons.items())
    if not kept:
        said = ", ".join(f"{len(left.tasks)} {left.reason}" for left in left_out)
        raise UserError(
            f"data.signal_from {path} leaves no task of {len(tasks)}: {said}; lower "
            "data.min_signal, raise grpo.num_generations, or choose other tasks"
        )
    return Selection(tasks=tuple(kept), weights=tuple(weights), counts=counts, left_out=left_out)


def _weight(p: float, data: DataConfig, group: int) -> float:
    if data.weights == "signal":
        return signal_chance(p, group)
    return 1.0 - p if data.weights == "unsolved" else 1.0


def _why_not(count: TaskCount | None, weight: float, data: DataConfig, group: int) -> str:
    """Why a task is left out; empty: it is not."""
    if count is None:
        return "not in data.signal_from"
    chance = signal_chance(rate(count), group)
    if weight > 0 and chance >= data.min_signal:
        return ""
    if count.solved == 0:
        return "never solved"
    if count.solved == count.samples:
        return "always solved"
    return f"a signal in less than {data.min_signal:.3g} of the groups"


def check_curriculum(
    selection: Selection, counts: Mapping[str, TaskCount], group: int
) -> list[PreflightFinding]:
    """Which tasks are left out, and whether groups of `group` completions give a signal.

    `counts` are measured pass rates, of other tasks, too; empty: there are none.
    """
    findings = []
    if selection.left_out:
        left = sum(len(some.tasks) for some in selection.left_out)
        findings.append(
            ok(
                "curriculum",
                f"{len(selection.tasks)} of {len(selection.tasks) + left} tasks; left out: "
                + "; ".join(some.full for some in selection.left_out),
            )
        )
    if counts:
        weights = dict(zip((t.id for t in selection.tasks), selection.weights, strict=True))
        mine = {t: counts[t] for t in weights if t in counts}
        findings.append(check_group_size(mine, group, weights))
    return findings


def draw_round(
    weights: Sequence[float], rng: np.random.Generator, *, shuffled: bool = True
) -> np.ndarray:
    """The tasks of one round, as many as there are weights: (tasks,) their places.

    Task i comes w_i · tasks / Σw times on average, and in any round that number rounded down or
    up (systematic sampling): with equal weights every task comes once.
    """
    size = len(weights)
    places = rng.permutation(size)
    if len(set(weights)) > 1:
        # Neighbours exclude each other in a draw, so they are not always the same ones.
        ends = np.cumsum(np.asarray(weights, dtype=np.float64)[places])
        at = (np.arange(size) + rng.random()) * (ends[-1] / size)
        places = places[np.minimum(np.searchsorted(ends, at, side="right"), size - 1)]
        places = places[rng.permutation(size)]
    return places if shuffled else np.sort(places)


# Files


def read_pass_rates(path: Path) -> dict[str, TaskCount]:
    """Samples of each task and how many solve it, from any file that arcbench writes of them.

    The lines of `arcbench judge`, an eval/*.json of a run folder, an evaluation's folder (or its
    results.json), or `write_pass_rates`. Raises UserError if there is no such file, or it is
    another one.
    """
    if (path / "results.json").is_file():
        path = path / "results.json"
    if path.is_dir():
        evals = sorted(str(f) for f in path.glob("**/eval/*.json")) or sorted(
            str(f) for f in path.glob("*.json*")
        )
        there = f": name one of {', '.join(evals[:4])}" if evals else " without evaluations"
        raise UserError(f"pass rates: {path} is a folder{there}")
    if not path.is_file():
        raise UserError(f"pass rates: no such file: {path}")
    try:
        with path.open(encoding="utf-8") as lines:
            first = next((line for line in lines if line.strip()), "")
        if not first:
            raise UserError(f"pass rates: {path} is empty")
        whole = None if _is_judged(first) else json.loads(path.read_text(encoding="utf-8"))
        counts = solved_counts(path) if whole is None else _whole(whole)
    except UserError:
        raise
    except (ValueError, KeyError, TypeError, AttributeError, RecursionError) as problem:
        raise UserError(
            f"pass rates: {path} is neither of arcbench judge nor an eval/*.json of a run "
            f"folder nor an evaluation: "
            f"{type(problem).__name__}: {problem}"
        ) from problem
    return counts


def write_pass_rates(path: Path, counts: Mapping[str, TaskCount], source: str) -> None:
    """Write what `read_pass_rates` reads, with the name of the file that it came from."""
    rates = {task: asdict(count) for task, count in counts.items()}
    write_json(path, {"source": source, _RATES: rates})


def _is_judged(line: str) -> bool:
    """Whether it is a line of a judged file; the other files are one indented object."""
    try:
        record = json.loads(line)
    except ValueError:
        return False
    return isinstance(record, dict) and "task_id" in record


def _whole(data: Any) -> dict[str, TaskCount]:
    if "pass_at_k" in data:
        return dict(Results.from_dict(data).counts)
    if _RATES in data:
        found = {str(t): (c["samples"], c["solved"]) for t, c in data[_RATES].items()}
    else:
        found = {str(t): (data["samples"], n) for t, n in data["solved"].items()}
    counts = {t: TaskCount(samples=int(n), solved=int(solved)) for t, (n, solved) in found.items()}
    for task, count in counts.items():
        if not 0 <= count.solved <= count.samples:
            raise ValueError(f"task {task} has {count.solved} solved of {count.samples} samples")
    return counts
