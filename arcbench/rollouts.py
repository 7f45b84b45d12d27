"""A rollout: one completion with all that became of it; groups of them; and their one codec."""

from collections.abc import Sequence
from dataclasses import dataclass
from statistics import pstdev

from arcbench.augment import Augmentation
from arcbench.policies.base import Completion
from arcbench.rewards import RewardBreakdown
from arcbench.sandbox.types import Execution
from arcbench.scoring import Score

SCHEMA = 1  # of the encoded form; raise it with every change of the fields


@dataclass(frozen=True, kw_only=True, slots=True)
class Rollout:
    """One completion for one prompt, judged."""

    task_id: str
    completion: Completion
    code: str | None  # what was extracted from the completion; None: nothing to run
    execution: Execution
    score: Score
    reward: RewardBreakdown
    run_id: str = ""
    step: int = 0  # optimiser step whose weights wrote it
    index: int = 0  # place within its group
    group: int = 0  # place of the group within its step
    test_index: int = 0  # which test input the prompt showed
    augmentation: Augmentation | None = None
    messages_hash: str = ""  # of the prompt
    advantage: float | None = None
    schema: int = SCHEMA

    @property
    def solved(self) -> bool:
        """Whether every train and test pair is exact."""
        return self.score.solved


@dataclass(frozen=True, kw_only=True, slots=True)
class RolloutGroup:
    """The rollouts of one prompt, compared with each other by GRPO."""

    rollouts: tuple[Rollout, ...]

    @property
    def rewards_G(self) -> tuple[float, ...]:
        """Total rewards, one a rollout."""
        return tuple(r.reward.total for r in self.rollouts)

    @property
    def solve_rate(self) -> float:
        """Share of rollouts that solve the task, 0–1."""
        return sum(r.solved for r in self.rollouts) / len(self.rollouts) if self.rollouts else 0.0

    @property
    def has_signal(self) -> bool:
        """Whether the rewards differ, so that the group moves the policy."""
        return len(self.rollouts) > 1 and pstdev(self.rewards_G) > 1e-9


def groups(rollouts: Sequence[Rollout]) -> list[RolloutGroup]:
    """The rollouts gathered by (step, group), in order of appearance."""
    found: dict[tuple[int, int], list[Rollout]] = {}
    for r in rollouts:
        found.setdefault((r.step, r.group), []).append(r)
    return [RolloutGroup(rollouts=tuple(g)) for g in found.values()]
