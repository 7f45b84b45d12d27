"""The name of every metric with its unit and meaning, and how it comes out of a step.

A line of metrics.jsonl has those of its step: what is not known of it is left out. Shares and
ratios of counts are 0–1, log-probabilities are in nats, and "mean" is over all completions of the
step unless something else is said.
"""

from collections.abc import Mapping, Sequence
from math import isfinite, sqrt
from statistics import median

from arcbench import series_text
from arcbench.grids import fingerprint
from arcbench.policies.base import Completion
from arcbench.rollouts import Rollout, RolloutGroup
from arcbench.sandbox.types import Outcome
from arcbench.series_ratio import PolicySums

# Reward and success
REWARD_MEAN = "reward/mean"
REWARD_STD = "reward/std"  # over all rollouts of the step
REWARD_PART = "reward/{}"  # mean of one part of the breakdown: code, ran, exact, pixel, length
SOLVE_RATE = "solve_rate"  # share of rollouts with every pair exact
# What a step's tasks earn above what they did at first, mean of the groups whose task is known: it
# does not move with the tasks that happen to come, as the reward itself does.
REWARD_GAIN = "reward/gain"
# Expert iteration: what is learned from
KEPT = "expert/kept"  # share of the round's rollouts
KEPT_TASKS = "expert/tasks"  # number of prompts with one at least

# Groups: the rollouts of one prompt
GROUP_NO_SIGNAL = "group/no_signal"  # share of groups whose rewards are all equal
GROUP_SOLVED = "group/solved"  # share of groups with at least one solving rollout
GROUP_ALL_SOLVED = "group/all_solved"  # share of groups in which every rollout solves
GROUP_NONE_SOLVED = "group/none_solved"  # share of groups in which none does
GROUP_REWARD_STD = "group/reward_std"  # mean over groups of the rewards' standard deviation
GROUP_UNIQUE_PROGRAMS = "group/unique_programs"  # different programs over rollouts, mean of groups
GROUP_UNIQUE_OUTPUTS = "group/unique_outputs"  # different outputs over rollouts, mean of groups
UNIQUE_PROGRAMS = "unique/programs"  # different programs over all rollouts of the step

# What became of the programs
OUTCOME = "outcome/{}"  # share of each sandbox outcome
NO_PROGRAM = "execution/no_program"  # share of completions without a program that Python can parse
FAILED = "execution/failed"  # share of the others that gave no valid grid for one input or more

# Length of the completions, in tokens
LENGTH_MEAN = "length/mean"
LENGTH_MIN = "length/min"
LENGTH_MAX = "length/max"
LENGTH_STD = "length/std"
LENGTH_ENDED = "length/ended"  # mean of those that ended by themselves
LENGTH_TRUNCATED = "length/truncated"  # share that the length limit cut

# Repetition and gibberish, of each completion by itself; …_min and …_max is the worst one
UNIQUE_3GRAMS = "text/unique_3grams"  # different sequences of 3 tokens over all of them, mean
UNIQUE_3GRAMS_MIN = "text/unique_3grams_min"
UNIQUE_4GRAMS = "text/unique_4grams"  # the same for 4
UNIQUE_4GRAMS_MIN = "text/unique_4grams_min"
TOP_4GRAM = "text/top_4gram"  # share of them that only repeat the most frequent one, mean
TOP_4GRAM_MAX = "text/top_4gram_max"
LOOP = "text/loop"  # share of tokens in the longest stretch that repeats up to 64 tokens, mean
LOOP_MAX = "text/loop_max"
SAME_TOKEN_MAX = "text/same_token_max"  # longest run of one token, in tokens, of all completions
PRINTABLE = "text/printable"  # share of characters that are printable ASCII or white space, mean
GARBLED = "text/garbled"  # share of completions of whose characters most are not
COMPRESSION = "text/compression"  # bytes after zlib over bytes before, mean; falls with repetition
COMPRESSION_MIN = "text/compression_min"

# The policy, as the trainer computes it
LOSS = "train/loss"
GRAD_NORM = "train/grad_norm"  # before it is clipped
LEARNING_RATE = "train/learning_rate"
ENTROPY = "policy/entropy"  # mean of a token, at the temperature of the sampling; nats
LOGPROB = "policy/logprob"  # mean of a sampled token, at the temperature of the sampling; nats
KL = "policy/kl"  # to the start policy, mean of a token; only where grpo.beta is above 0
# From the policy that wrote the completions to the one that learns, mean of a token (k3); also
# where beta is 0, and no measure of the way from the start.
KL_SAMPLED = "policy/kl_sampled"
CLIPPED = "policy/clip_ratio"  # share of tokens (or completions) whose gradient the clip takes
CLIPPED_LOW = "policy/clip_low"  # those that had become too unlikely
CLIPPED_HIGH = "policy/clip_high"  # those that had become too likely; cispo has only these
# Share that is left, after the step's update, of the probability of programs that solved their task
# when they were drawn: mean of some of them in turns; one that has become likelier counts 1.
RECALL = "policy/recall"
ENTROPY_COEF = "policy/entropy_coef"  # weight of the entropy bonus, where there is one

# Trainer against engine. The trainer's log-probabilities are those of the weights that sampled.
SYNC_GAP = "sync/logprob_gap"  # mean |trainer − engine| on the fixed probes, where it was checked
SAMPLED_GAP = "sync/sampled_gap"  # mean |trainer − engine| of a sampled token's log-probability
SAMPLED_GAP_MAX = "sync/sampled_gap_max"  # of the token with the largest
IMPORTANCE_RATIO = "sync/importance_ratio"  # TRL's mean trainer/engine, after its cap or mask
# Trainer/engine of a sampled token, before any cap or mask
RATIO_MEAN = "ratio/mean"  # 1 if both are the same
RATIO_MIN = "ratio/min"
RATIO_MAX = "ratio/max"
RATIO_ESS = "ratio/ess"  # Kish's effective sample size over the number of tokens
RATIO_ESS_SEQUENCE = "ratio/ess_sequence"  # over that of completions, by the ratios' product
# Learning/sampling policy of a sampled token, both the trainer's; where they can differ
UPDATE_RATIO_MEAN = "ratio/update_mean"
UPDATE_RATIO_MIN = "ratio/update_min"
UPDATE_RATIO_MAX = "ratio/update_max"
UPDATE_RATIO_ESS = "ratio/update_ess"

# Time of a step, in seconds: the middle four add up to the first
SECONDS_STEP = "seconds/step"
SECONDS_SAMPLING = "seconds/sampling"  # writing the completions
SECONDS_REWARD = "seconds/reward"  # judging them, as far as it was not done meanwhile
SECONDS_SCORING = "seconds/scoring"  # weights to the engine, log-probabilities before the update
SECONDS_UPDATE = "seconds/update"  # forward, backward, optimiser, the check of the engine
SECONDS_SIGNALS = "seconds/signals"  # measuring what is in this file; part of the others

# The machine; all processes of the run together unless something else is said
RSS_GB = "machine/rss_gb"  # resident memory of the trainers
CHILDREN_GB = "machine/children_gb"  # of what they started: sandbox workers, engines
AVAILABLE_GB = "machine/available_gb"  # that is left of the main machine's, or of its container's
GPU_ALLOCATED_GB = "machine/gpu_allocated_gb"  # by the trainer that has most, tensors
GPU_RESERVED_GB = "machine/gpu_reserved_gb"  # by the trainer that has most, with torch's cache
GPU_PEAK_GB = "machine/gpu_peak_gb"  # most that one has had allocated within the step
PROCESSES = "machine/processes"  # trainers and what they started
OPEN_FILES = "machine/open_files"  # file descriptors of the trainer that has most

# What the trainer tells: our name for each of its own.
FROM_TRAINER = {
    "loss": LOSS,
    "grad_norm": GRAD_NORM,
    "learning_rate": LEARNING_RATE,
    "entropy": ENTROPY,
    "entropy_coef": ENTROPY_COEF,
    "kl": KL,
    "clip_ratio/region_mean": CLIPPED,
    "clip_ratio/low_mean": CLIPPED_LOW,
    "clip_ratio/high_mean": CLIPPED_HIGH,
    "cispo_clip_ratio": CLIPPED_HIGH,
    "sampling/sampling_logp_difference/mean": SAMPLED_GAP,
    "sampling/sampling_logp_difference/max": SAMPLED_GAP_MAX,
    "sampling/importance_sampling_ratio/mean": IMPORTANCE_RATIO,
}

EARLY_STEPS = 20  # whose median is what is normal for a run


def measure(groups: Sequence[RolloutGroup]) -> dict[str, float]:
    """All metrics of a step's groups, by name. There must be at least one rollout."""
    rollouts = [r for g in groups for r in g.rollouts]
    rewards_N = [r.reward.total for r in rollouts]
    parts = {
        REWARD_PART.format(part): _mean([r.reward.parts[part] for r in rollouts])
        for part in rollouts[0].reward.parts
    }
    return {
        REWARD_MEAN: _mean(rewards_N),
        REWARD_STD: _std(rewards_N),
        **parts,
        SOLVE_RATE: _mean([r.solved for r in rollouts]),
        UNIQUE_PROGRAMS: unique_programs(rollouts),
        **group_metrics(groups),
        **length_metrics([r.completion for r in rollouts]),
        **text_metrics([r.completion for r in rollouts]),
        **outcome_shares(rollouts),
        **execution_metrics(rollouts),
    }


def reward_gain(groups: Sequence[RolloutGroup], first: Mapping[str, float]) -> dict[str, float]:
    """`REWARD_GAIN` beside the mean reward that tasks had at `first`; nothing if none is known."""
    gains = [_mean(g.rewards_G) - first[g.task_id] for g in groups if g.task_id in first]
    return {REWARD_GAIN: _mean(gains)} if gains else {}


def group_metrics(groups: Sequence[RolloutGroup]) -> dict[str, float]:
    """What the groups have to learn from, and how different their rollouts are."""
    return {
        GROUP_NO_SIGNAL: _mean([not g.has_signal for g in groups]),
        GROUP_SOLVED: _mean([g.solve_rate > 0 for g in groups]),
        GROUP_ALL_SOLVED: _mean([g.solve_rate == 1 for g in groups]),
        GROUP_NONE_SOLVED: _mean([g.solve_rate == 0 for g in groups]),
        GROUP_REWARD_STD: _mean([_std(g.rewards_G) for g in groups]),
        GROUP_UNIQUE_PROGRAMS: _mean([unique_programs(g.rollouts) for g in groups]),
        GROUP_UNIQUE_OUTPUTS: _mean([unique_outputs(g.rollouts) for g in groups]),
    }


def length_metrics(completions: Sequence[Completion]) -> dict[str, float]:
    """The lengths of the completions; without `LENGTH_ENDED` where all were cut."""
    lengths_N = [len(c.token_ids) for c in completions]
    ended = [len(c.token_ids) for c in completions if not c.truncated]
    metrics = {
        LENGTH_MEAN: _mean(lengths_N),
        LENGTH_MIN: float(min(lengths_N)),
        LENGTH_MAX: float(max(lengths_N)),
        LENGTH_STD: _std(lengths_N),
        LENGTH_TRUNCATED: _mean([c.truncated for c in completions]),
    }
    return {**metrics, LENGTH_ENDED: _mean(ended)} if ended else metrics


def text_metrics(completions: Sequence[Completion]) -> dict[str, float]:
    """Repetition and gibberish; without `COMPRESSION` where all texts are empty."""
    found = [series_text.repetition(c.token_ids) for c in completions]
    printable_N = [series_text.printable(c.text) for c in completions]
    packed = [r for c in completions if (r := series_text.compression(c.text)) is not None]
    metrics = {
        UNIQUE_3GRAMS: _mean([r.unique_3grams for r in found]),
        UNIQUE_3GRAMS_MIN: min(r.unique_3grams for r in found),
        UNIQUE_4GRAMS: _mean([r.unique_4grams for r in found]),
        UNIQUE_4GRAMS_MIN: min(r.unique_4grams for r in found),
        TOP_4GRAM: _mean([r.top_4gram for r in found]),
        TOP_4GRAM_MAX: max(r.top_4gram for r in found),
        LOOP: _mean([r.loop for r in found]),
        LOOP_MAX: max(r.loop for r in found),
        SAME_TOKEN_MAX: float(max(r.same_token for r in found)),
        PRINTABLE: _mean(printable_N),
        GARBLED: _mean([share < 0.5 for share in printable_N]),
    }
    return (
        {**metrics, COMPRESSION: _mean(packed), COMPRESSION_MIN: min(packed)} if packed else metrics
    )


def outcome_shares(rollouts: Sequence[Rollout]) -> dict[str, float]:
    """The share of every sandbox outcome, zeros included."""
    return {
        OUTCOME.format(o.value): _mean([r.execution.outcome is o for r in rollouts])
        for o in Outcome
    }


def execution_metrics(rollouts: Sequence[Rollout]) -> dict[str, float]:
    """How many programs there were, and how many failed; without `FAILED` where there were none."""
    outcomes = [r.execution.outcome for r in rollouts]
    programs = [o for o in outcomes if o.has_code]
    metrics = {NO_PROGRAM: 1 - len(programs) / len(outcomes)}
    return {**metrics, FAILED: _mean([not o.ok for o in programs])} if programs else metrics


def unique_programs(rollouts: Sequence[Rollout]) -> float:
    """Number of different programs over the number of rollouts; no program at all counts none."""
    programs = {r.code for r in rollouts if r.code is not None}
    return len(programs) / len(rollouts)


def unique_outputs(rollouts: Sequence[Rollout]) -> float:
    """Number of different outputs (of all inputs together) over the number of rollouts.

    An input without a grid is an output of its own kind; without any grid it counts none.
    """
    outputs = {
        tuple(None if grid is None else fingerprint(grid) for grid in r.execution.grids)
        for r in rollouts
        if r.execution.num_valid
    }
    return len(outputs) / len(rollouts)


def policy_metrics(sums: PolicySums) -> dict[str, float]:
    """What the trainer's log-probabilities tell; nothing of what was not recorded."""
    metrics: dict[str, float] = {}
    if sums.tokens:
        metrics[LOGPROB] = sums.logprob / sums.tokens
    if sums.learning.count:
        metrics[KL_SAMPLED] = sums.learning.k3
    if (tokens := sums.sampling).count:
        metrics |= {
            SAMPLED_GAP: tokens.gap,
            SAMPLED_GAP_MAX: tokens.largest_gap,
            RATIO_MEAN: tokens.mean,
            RATIO_MIN: tokens.lowest,
            RATIO_MAX: tokens.highest,
            RATIO_ESS: tokens.ess,
            RATIO_ESS_SEQUENCE: sums.sequences.ess,
        }
    if (update := sums.update).count:
        metrics |= {
            UPDATE_RATIO_MEAN: update.mean,
            UPDATE_RATIO_MIN: update.lowest,
            UPDATE_RATIO_MAX: update.highest,
            UPDATE_RATIO_ESS: update.ess,
        }
    return metrics


def trainer_metrics(logs: Mapping[str, float]) -> dict[str, float]:
    """What of the trainer's own log we keep, under our names."""
    return {
        ours: float(logs[theirs])
        for theirs, ours in FROM_TRAINER.items()
        if logs.get(theirs) is not None
    }


def of_machine(name: str) -> bool:
    """Whether a metric tells of time or of the machine: two runs of one course differ in it."""
    return name.startswith(("seconds/", "machine/"))


def baseline(values: Sequence[float | None], steps: int = EARLY_STEPS) -> float | None:
    """What is normal for a run: the median of its first `steps` finite values; None without any."""
    early = [v for v in values if v is not None and isfinite(v)][:steps]
    return median(early) if early else None


def relative(values: Sequence[float | None], steps: int = EARLY_STEPS) -> list[float | None]:
    """Each value over the run's own `baseline`: 1 is as it was in the beginning.

    None where a value is missing or not finite, and all None where the baseline is 0 or missing.
    """
    normal = baseline(values, steps)
    return [v / normal if normal and v is not None and isfinite(v) else None for v in values]


def _mean(values: Sequence[float]) -> float:
    return sum(values) / len(values)


def _std(values: Sequence[float]) -> float:
    mean = _mean(values)
    return sqrt(_mean([(x - mean) ** 2 for x in values]))
