"""The name of every metric, and how it comes out of the rollouts of a step."""

from collections.abc import Mapping, Sequence
from math import sqrt

from arcbench.rollouts import Rollout, RolloutGroup
from arcbench.sandbox.types import Outcome

REWARD_MEAN = "reward/mean"
REWARD_STD = "reward/std"  # over all rollouts of the step
REWARD_PART = "reward/{}"  # mean of one part of the breakdown: code, ran, exact, pixel, length
SOLVE_RATE = "solve_rate"  # share of rollouts with every pair exact
GROUP_NO_SIGNAL = "group/no_signal"  # share of groups whose rewards are all equal
GROUP_SOLVED = "group/solved"  # share of groups with at least one solving rollout
LENGTH_MEAN = "length/mean"  # completion tokens
LENGTH_MAX = "length/max"
LENGTH_TRUNCATED = "length/truncated"  # share that the length limit cut
OUTCOME = "outcome/{}"  # share of each sandbox outcome
UNIQUE_PROGRAMS = "unique/programs"  # different programs over all rollouts, 0–1
SYNC_GAP = "sync/logprob_gap"  # mean |trainer − engine| on the fixed probes, where it was checked

# What the trainer tells: our name for each of its own.
FROM_TRAINER = {
    "loss": "train/loss",
    "grad_norm": "train/grad_norm",
    "learning_rate": "train/learning_rate",
    "entropy": "policy/entropy",
    "kl": "policy/kl",
    "clip_ratio/region_mean": "policy/clip_ratio",
    "sampling/sampling_logp_difference/mean": "sync/sampled_gap",
    "sampling/importance_sampling_ratio/mean": "sync/importance_ratio",
}
SECONDS_STEP = "seconds/step"
SECONDS_SAMPLING = "seconds/sampling"
SECONDS_REWARD = "seconds/reward"


def measure(groups: Sequence[RolloutGroup]) -> dict[str, float]:
    """All metrics of a step's groups, by name. There must be at least one rollout."""
    rollouts = [r for g in groups for r in g.rollouts]
    rewards_N = [r.reward.total for r in rollouts]
    mean = _mean(rewards_N)
    parts = {
        REWARD_PART.format(part): _mean([r.reward.parts[part] for r in rollouts])
        for part in rollouts[0].reward.parts
    }
    lengths_N = [len(r.completion.token_ids) for r in rollouts]
    return {
        REWARD_MEAN: mean,
        REWARD_STD: sqrt(_mean([(x - mean) ** 2 for x in rewards_N])),
        **parts,
        SOLVE_RATE: _mean([r.solved for r in rollouts]),
        GROUP_NO_SIGNAL: _mean([not g.has_signal for g in groups]),
        GROUP_SOLVED: _mean([g.solve_rate > 0 for g in groups]),
        LENGTH_MEAN: _mean(lengths_N),
        LENGTH_MAX: float(max(lengths_N)),
        LENGTH_TRUNCATED: _mean([r.completion.truncated for r in rollouts]),
        UNIQUE_PROGRAMS: unique_programs(rollouts),
        **outcome_shares(rollouts),
    }


def outcome_shares(rollouts: Sequence[Rollout]) -> dict[str, float]:
    """The share of every sandbox outcome, zeros included."""
    return {
        OUTCOME.format(o.value): _mean([r.execution.outcome is o for r in rollouts])
        for o in Outcome
    }


def unique_programs(rollouts: Sequence[Rollout]) -> float:
    """Number of different programs over the number of rollouts; no program at all counts none."""
    programs = {r.code for r in rollouts if r.code is not None}
    return len(programs) / len(rollouts)


def trainer_metrics(logs: Mapping[str, float]) -> dict[str, float]:
    """What of the trainer's own log we keep, under our names."""
    return {
        ours: float(logs[theirs])
        for theirs, ours in FROM_TRAINER.items()
        if logs.get(theirs) is not None
    }


def _mean(values: Sequence[float]) -> float:
    return sum(values) / len(values)
