"""Between TRL and the judge: the only file that knows how TRL calls a reward function (1.14)."""

import time
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field, replace
from functools import partial
from typing import Any

import numpy as np

from arcbench import series
from arcbench.judge import Attempt, Judge, Started
from arcbench.policies.base import Completion, Message
from arcbench.rollouts import Rollout, RolloutGroup, groups
from arcbench.runs import RunStore
from arcbench.training.config import Scale
from arcbench.training.data import PromptRow, PromptSource
from arcbench.training.processes import ALONE, Processes
from arcbench.training.recall import Recall
from arcbench.training.task_rewards import TaskRewards

_STD_FLOOR = 1e-4  # TRL adds it to the deviation


def advantages(rewards_PG: Sequence[Sequence[float]], scale: Scale) -> list[list[float]]:
    """How much better each completion is than its group, as TRL's GRPOTrainer has it.

    The reward minus the group's mean, divided by the sample deviation (n - 1) of the group or of
    the whole batch, or by nothing.
    """
    rewards = np.asarray(rewards_PG, dtype=np.float32)  # (prompts, group)
    above = rewards - rewards.mean(axis=1, keepdims=True)
    if scale == "group":
        above = above / (rewards.std(axis=1, ddof=1, keepdims=True) + _STD_FLOOR)
    elif scale == "batch":
        above = above / (rewards.std(ddof=1) + _STD_FLOOR)
    return [[float(x) for x in row] for row in above]


@dataclass(kw_only=True, slots=True)
class RewardBridge:
    """Judges what was sampled for a step, and leaves rollouts and metrics in the run folder.

    `reward` is the function for TRL. An error in it is ours, not the program's, and stops the run.
    Each process judges what it sampled; the main one writes down what all of them did.
    """

    source: PromptSource
    judge: Judge
    store: RunStore
    num_generations: int
    scale: Scale
    prompts_per_sampling: int = 1
    steps_per_sampling: int = 1
    processes: Processes = ALONE
    task_rewards: TaskRewards | None = None  # where a gain over them is to be told
    recall: Recall | None = None  # is shown what solves
    metrics: dict[str, float] = field(default_factory=dict)  # of the latest step
    _early: dict[tuple[int, int, int], Started] = field(default_factory=dict)  # row, group, place
    _rows: dict[int, PromptRow] = field(default_factory=dict)  # of this step

    def reward(
        self,
        *,
        sampled: Sequence[Completion],  # from the sampler, beside TRL's own columns
        index: Sequence[int],
        trainer_state: Any,
        log_extra: Callable[[str, list[Any]], None],
        log_metric: Callable[[str, float], None],
        **_: Any,
    ) -> list[float | None]:
        """Total rewards of this process's completions.

        All processes' completions, one process after the other, come group by group.
        """
        started = time.perf_counter()
        step = int(trainer_state.global_step) + 1
        first = self.processes.rank * len(sampled)
        started_here: list[Started] = []
        for i, (completion, row_index) in enumerate(zip(sampled, index, strict=True)):
            group, place = divmod(first + i, self.num_generations)
            early = self._early.get((row_index, group, place))
            if early is None or early.attempt.completion != completion:
                early = self.judge.start(self._attempt(row_index, group, place, completion))
            started_here.append(early)
        self._early.clear()
        self._rows.clear()
        run_id = self.store.name
        mine = [self.judge.finish(one, run_id=run_id, step=step) for one in started_here]
        rollouts = [r for share in self.processes.gather(mine) for r in share]
        if self.processes.main:
            self._record(step, rollouts)
            self.metrics[series.SECONDS_REWARD] = time.perf_counter() - started
            for name, value in self.metrics.items():
                log_metric(name, value)
        log_extra("task_id", [r.task_id for r in mine])
        log_extra("outcome", [r.execution.outcome.value for r in mine])
        return [r.reward.total for r in mine]

    def hand_in(self, step: int, group: int, place: int, completion: Completion) -> None:
        """Let a completion's program run as soon as it is written; `reward` collects it.

        `step` is the one that samples, and `group` counts its prompts: TRL reads rows in order.
        """
        row_index = self._row_index(step, group)
        attempt = self._attempt(row_index, group, place, completion)
        self._early[row_index, group, place] = self.judge.start(attempt)

    def _row_index(self, step: int, group: int) -> int:
        sampling = (step - 1) // self.steps_per_sampling
        return sampling * self.prompts_per_sampling + group

    def _messages(self, step: int, group: RolloutGroup) -> Sequence[Message]:
        return self.source.row(self._row_index(step, group.rollouts[0].group)).messages

    def _attempt(self, row_index: int, group: int, place: int, completion: Completion) -> Attempt:
        if row_index not in self._rows:
            self._rows[row_index] = self.source.row(row_index)
        row = self._rows[row_index]
        return Attempt(
            task=row.task,
            completion=completion,
            index=place,
            group=group,
            test_index=row.test_index,
            augmentation=row.augmentation,
            messages_hash=row.hash,
        )

    def _record(self, step: int, rollouts: Sequence[Rollout]) -> None:
        """Write the rollouts of all whole groups, and measure them."""
        size = self.num_generations
        for group in groups(rollouts):
            asked = {r.messages_hash for r in group.rollouts}
            if len(asked) > 1 or len(group.rollouts) != size:
                raise RuntimeError(
                    f"step {step} has a group of {len(group.rollouts)} completions for "
                    f"{len(asked)} prompts, not of {size} for one"
                )
        rewards = [r.reward.total for r in rollouts]
        rewards_PG = [rewards[g : g + size] for g in range(0, len(rewards), size)]
        flat = [a for row in advantages(rewards_PG, self.scale) for a in row]
        rollouts = [replace(r, advantage=a) for r, a in zip(rollouts, flat, strict=True)]
        self.store.write_rollouts(step, rollouts)
        started = time.perf_counter()
        whole = groups(rollouts)
        self.metrics = series.measure(whole)
        if self.task_rewards is not None:
            self.metrics |= self.task_rewards.gain(step, whole)
        if self.recall is not None:
            for group in whole:
                self.recall.see(step, group, partial(self._messages, step, group))
        self.metrics[series.SECONDS_SIGNALS] = time.perf_counter() - started
