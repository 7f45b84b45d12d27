"""How well a policy does on the tasks it is trained on: measured before and after, seeds equal."""

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from statistics import fmean
from typing import Any

from rich.table import Table

from arcbench import series
from arcbench.judge import Attempt, Judge
from arcbench.policies.base import Ask, Policy, SamplingConfig
from arcbench.rollouts import Rollout
from arcbench.training.config import TrainConfig
from arcbench.training.data import PromptSource
from arcbench.training.processes import ALONE, Processes

# What is shown of a measurement, and how each figure is written.
FIGURES = {
    "pass rate": "{:.0%}",
    "tasks solved": "{:.0%}",
    "mean reward": "{:.2f}",
    "valid outputs": "{:.0%}",
    "unique programs": "{:.0%}",
    "unique outputs": "{:.0%}",
    "mean length": "{:.1f}",
}


@dataclass(frozen=True, kw_only=True, slots=True)
class Measurement:
    """Figures over all samples of all tasks; rates are 0–1."""

    tasks: int
    samples: int  # a task
    figures: Mapping[str, float]
    solved: Mapping[str, int]  # how many samples of each task solve it
    rewards: Mapping[str, float] = field(default_factory=dict)  # mean of each task's samples

    def to_dict(self) -> dict[str, Any]:
        """Plain JSON-able values."""
        return {
            "tasks": self.tasks,
            "samples": self.samples,
            "figures": dict(self.figures),
            "solved": dict(self.solved),
            "rewards": dict(self.rewards),
        }

    @classmethod
    def from_dict(cls, data: Mapping[str, Any]) -> "Measurement":
        """The inverse of `to_dict`."""
        return cls(
            tasks=data["tasks"],
            samples=data["samples"],
            figures=data["figures"],
            solved=data["solved"],
            rewards=data.get("rewards", {}),  # a run that an older arcbench began has none
        )


def sampling(config: TrainConfig) -> SamplingConfig:
    """How the samples of a measurement are drawn."""
    return SamplingConfig(
        n=config.measure.samples,
        temperature=config.measure.temperature,
        max_new_tokens=config.lengths.max_completion_tokens,
        seed=config.measure.seed,
    )


def measure(
    policy: Policy,
    source: PromptSource,
    judge: Judge,
    config: TrainConfig,
    check: Callable[[], None] = lambda: None,
    processes: Processes = ALONE,
) -> Measurement:
    """Sample every task, as it is in the data set, and judge. `check` is called in between.

    Each process takes its share of the samples of every task; all of them get the whole result.
    """
    n = config.measure.samples
    attempts: list[Attempt] = []
    mine = processes.share(n)
    asks = [
        Ask(
            prompt_index=i,
            first_sample=mine.start,
            count=len(mine),
            messages=source.template.messages(t),
        )
        for i, t in enumerate(source.tasks)
        if mine
    ]
    for s in policy.stream_asks(asks, sampling(config)):
        check()
        attempts.append(
            Attempt(
                task=source.tasks[s.prompt_index],
                completion=s.completion,
                index=s.sample_index,
                group=s.prompt_index,
            )
        )
    judged = []
    for _, rollout in judge.stream(attempts):
        check()
        judged.append(rollout)
    everywhere = [r for share in processes.gather(judged) for r in share]
    return summary(everywhere, tasks=[t.id for t in source.tasks], samples=n)


def summary(rollouts: Sequence[Rollout], *, tasks: Sequence[str], samples: int) -> Measurement:
    """The figures of judged samples."""
    total = len(rollouts)
    by_task: dict[str, list[Rollout]] = {t: [] for t in tasks}
    for r in rollouts:
        by_task[r.task_id].append(r)
    solved = {t: sum(r.solved for r in mine) for t, mine in by_task.items()}
    groups = [mine for mine in by_task.values() if mine]
    programs = [series.unique_programs(mine) for mine in groups]
    outputs = [series.unique_outputs(mine) for mine in groups]
    return Measurement(
        tasks=len(tasks),
        samples=samples,
        solved=solved,
        rewards={t: fmean(r.reward.total for r in mine) for t, mine in by_task.items() if mine},
        figures={
            "pass rate": sum(r.solved for r in rollouts) / total,
            "tasks solved": sum(n > 0 for n in solved.values()) / len(tasks),
            "mean reward": sum(r.reward.total for r in rollouts) / total,
            "valid outputs": sum(r.score.valid_rate for r in rollouts) / total,
            "unique programs": sum(programs) / len(programs),
            "unique outputs": sum(outputs) / len(outputs),
            "mean length": sum(len(r.completion.token_ids) for r in rollouts) / total,
        },
    )


def shown_figures(num_tasks: int) -> dict[str, str]:
    """The figures worth showing; with one task the share of tasks solved says nothing."""
    return {n: f for n, f in FIGURES.items() if num_tasks > 1 or n != "tasks solved"}


def before_after_table(before: Measurement, after: Measurement) -> Table:
    """The two measurements side by side."""
    of = f"{after.samples} samples of {after.tasks} task{'s' if after.tasks > 1 else ''}"
    table = Table(title=f"before and after, {of}, same seeds", title_justify="left")
    table.add_column("")
    for name in ("before", "after", "change"):
        table.add_column(name, justify="right")
    for name, form in shown_figures(after.tasks).items():
        if name not in before.figures:  # of a run that an older arcbench began
            continue
        b, a = before.figures[name], after.figures[name]
        sign = "+" if a >= b else "−"
        table.add_row(name, form.format(b), form.format(a), sign + form.format(abs(a - b)))
    return table
