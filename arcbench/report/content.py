"""What a report says of a run, gathered from its folder once; drawing it is for others."""

import time
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from arcbench import jobs
from arcbench.diagnostics import Finding, Kind, diagnose_run
from arcbench.errors import UserError
from arcbench.report import courses as c
from arcbench.report.facts import Comparison, at, comparisons, facts
from arcbench.rollout_index import RolloutIndex
from arcbench.rollouts import Rollout
from arcbench.runs import Metrics, RunState, RunStatus, RunStore
from arcbench.series_text import repetition
from arcbench.tasks import Task, TaskSet, load_tasks
from arcbench.training.config import TrainConfig
from arcbench.training.rewind import Rewind
from arcbench.training.sweep_verdict import Judged, judge_run

EXTREMES = 2  # best ones, and worst ones
TASKS = 3  # whose completions are shown side by side
LOG_LINES = 14
_RUINED = (RunState.FAILED, RunState.DIED)
Load = Callable[[str, str | None], TaskSet]


@dataclass(frozen=True, kw_only=True, slots=True)
class Shown:
    """A rollout, and the task as its program got it; None where that is not to be had."""

    rollout: Rollout
    task: Task | None


@dataclass(frozen=True, kw_only=True, slots=True)
class ShownPart:
    """A part of a task's course with the completion that stands for it."""

    part: c.Part
    shown: Shown | None  # None: its file is gone
    loop: float | None  # share of a completion in a loop, mean of the typical one's group


@dataclass(frozen=True, kw_only=True, slots=True)
class ShownCourse:
    """How one task's completions changed."""

    course: c.TaskCourse
    parts: tuple[ShownPart, ...]


@dataclass(frozen=True, kw_only=True, slots=True)
class Report:
    """Everything about one run, as of `made`."""

    name: str
    made: float  # seconds since the epoch
    status: RunStatus
    facts: tuple[tuple[str, str], ...]  # what it was
    settings: Mapping[str, Any]  # config.json
    info: Mapping[str, Any]  # info.json
    notes: tuple[str, ...]  # what the reader has to know of the report itself
    metrics: Sequence[Metrics]
    judged: Judged
    best_reward: float  # that the scheme can give
    compared: tuple[Comparison, ...]  # the first steps against the last
    measured: tuple[Comparison, ...]  # before training against after it
    measured_how: str
    findings: tuple[Finding, ...]  # worst first
    rewinds: tuple[str, ...]  # sentences
    best: tuple[Shown, ...]
    worst: tuple[Shown, ...]
    groups: c.Groups
    courses: tuple[c.TaskCourse, ...]  # all tasks
    shown_courses: tuple[ShownCourse, ...]
    rollouts: int
    log: str  # its end, where the run did not end well

    @property
    def kinds(self) -> list[list[Finding]]:
        """The findings by kind, the worst kind first; of a kind the worst first."""
        found: dict[Kind, list[Finding]] = {}
        for f in self.findings:
            found.setdefault(f.kind, []).append(f)
        return list(found.values())

    @property
    def live(self) -> bool:
        """Whether more will come."""
        return not self.status.state.over


def gather(store: RunStore, *, load: Load = load_tasks) -> Report:
    """Read a run of any age and state. Opens the few files of rollouts that it shows.

    `load` gives the tasks of a data set.
    """
    # The status first: what a run wrote before it ended is then in the metrics for sure.
    status = store.status()
    config, metrics, info = store.config(), store.metrics(), store.info()
    floor, best_reward, notes = _settings(config)
    if not status.state.over:
        notes.append("The run goes on: this is how it stands so far.")
    index = RolloutIndex(folder=store.path / "rollouts")
    found = c.columns(index)
    tasks = c.courses(found)
    reader = _Reader(store, found, config, load)
    completions = _count(config)
    return Report(
        name=store.name,
        made=time.time(),
        status=status,
        facts=tuple(facts(config, info, status, metrics)),
        settings=config,
        info=info,
        metrics=metrics,
        judged=judge_run(metrics, floor=floor, completions=completions),
        best_reward=best_reward,
        compared=tuple(comparisons(metrics)),
        findings=tuple(diagnose_run(store)),
        rewinds=tuple(Rewind(**r).sentence for r in info.get("rewinds", [])),
        best=reader.shown(c.extremes(found, EXTREMES, best=True)),
        worst=reader.shown(c.extremes(found, EXTREMES, best=False)),
        groups=c.groups(found),
        courses=tuple(tasks),
        shown_courses=tuple(reader.course(t) for t in tasks[:TASKS]),
        rollouts=len(found),
        log=jobs.tail(store, LOG_LINES) if status.state in _RUINED else "",
        **_measured(store),
        notes=(*notes, *reader.notes),
    )


def _settings(config: Mapping[str, Any]) -> tuple[float, float, list[str]]:
    """The least and the highest reward, and a note where the settings are of another version."""
    try:
        low, high = TrainConfig.from_dict(config).reward.range
    except UserError as error:
        return 0.0, 1.0, [f"The settings are of another version of arcbench: {error}"]
    return low, high, []


def _count(config: Mapping[str, Any]) -> int:
    """Completions a step, as far as the settings tell."""
    numbers = (at(config, f"grpo.{name}") for name in ("num_generations", "prompts_per_step"))
    product = 1
    for number in numbers:
        product *= number if isinstance(number, int) and number > 0 else 1
    return product


def _measured(store: RunStore) -> dict[str, Any]:
    """The samples that were drawn before and after training, side by side."""
    from arcbench.training.measure import Measurement, shown_figures

    before, after = store.read_eval("before"), store.read_eval("after")
    if before is None:
        return {"measured": (), "measured_how": ""}
    first = Measurement.from_dict(before)
    last = None if after is None else Measurement.from_dict(after)
    rows = [
        Comparison(
            name=name,
            first=first.figures.get(name),
            last=None if last is None else last.figures.get(name),
            form=form,
        )
        for name, form in shown_figures(first.tasks).items()
    ]
    how = f"{first.samples} samples of {first.tasks} task{'s' * (first.tasks > 1)}, same seeds"
    return {"measured": tuple(rows), "measured_how": how}


class _Reader:
    """Opens rollouts by their place in the columns, each file once, and finds their tasks."""

    def __init__(
        self, store: RunStore, found: c.Columns, config: Mapping[str, Any], load: Load
    ) -> None:
        self.store = store
        self.found = found
        self.notes: list[str] = []
        self._config, self._load = config, load
        self._tasks: TaskSet | None = None
        self._asked = False
        self._steps: dict[int, list[Rollout]] = {}

    def shown(self, places: Sequence[int]) -> tuple[Shown, ...]:
        """Those rollouts; one whose file is gone is left out."""
        return tuple(s for place in places if (s := self._one(place)) is not None)

    def course(self, course: c.TaskCourse) -> ShownCourse:
        """A task's course with its typical completions."""
        parts = tuple(
            ShownPart(part=p, shown=self._one(p.typical), loop=self._loop(p.typical))
            for p in course.parts
        )
        return ShownCourse(course=course, parts=parts)

    def _one(self, place: int) -> Shown | None:
        wanted = (int(self.found.group_N[place]), int(self.found.index_N[place]))
        for rollout in self._step(place):
            if (rollout.group, rollout.index) == wanted:
                return Shown(rollout=rollout, task=self._task(rollout))
        return None

    def _loop(self, place: int) -> float | None:
        group = [r for r in self._step(place) if r.group == self.found.group_N[place]]
        loops = [repetition(r.completion.token_ids).loop for r in group]
        return sum(loops) / len(loops) if loops else None

    def _step(self, place: int) -> list[Rollout]:
        step = int(self.found.step_N[place])
        if step not in self._steps:
            try:
                self._steps[step] = self.store.rollouts(step)
            except UserError as error:  # a live run went back meanwhile, or a newer one wrote it
                self.notes.append(f"Step {step} cannot be shown: {error}")
                self._steps[step] = []
        return self._steps[step]

    def _task(self, rollout: Rollout) -> Task | None:
        """The task as the program got it; None where the data set has another one or none."""
        if not self._asked:
            self._asked = True
            self._tasks = self._load_tasks()
        if self._tasks is None or rollout.task_id not in self._tasks:
            return None
        task = self._tasks[rollout.task_id]
        if rollout.augmentation is not None:
            if len(rollout.augmentation.pair_order) != len(task.train):
                return None
            task = rollout.augmentation.apply(task)
        return task if len(task.pairs) == len(rollout.execution.outputs) else None

    def _load_tasks(self) -> TaskSet | None:
        name, split = at(self._config, "data.dataset"), at(self._config, "data.split")
        try:
            return self._load(str(name), str(split) if split else None)
        except UserError as error:
            self.notes.append(f"Grids are not shown, for the tasks cannot be read: {error}")
            return None
