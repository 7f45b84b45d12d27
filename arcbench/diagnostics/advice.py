"""What may be behind a finding, the likeliest first, and what to try: by the run's own signals."""

from dataclasses import dataclass

from arcbench import series
from arcbench.diagnostics.finding import Kind
from arcbench.diagnostics.signals import Signals

LOWER_RATE = "go back to a healthy checkpoint with a smaller grpo.learning_rate (a third of it)"
BETA = "hold the policy near its start: grpo.beta 0.01 to 0.05"
CLIP_GRADIENT = "clip gradients at optimizer.max_grad_norm 0.1 to 0.2"


@dataclass(frozen=True, kw_only=True, slots=True)
class Advice:
    """Causes in order of likelihood, remedies in order of promise, and where they come from."""

    causes: tuple[str, ...]
    remedies: tuple[str, ...]
    source: str


def advise(kind: Kind, signals: Signals) -> Advice:
    """The causes and remedies of a finding in this run."""
    if kind is Kind.FLAT:
        return _flat(signals)
    if kind is Kind.NO_SIGNAL:
        return _no_signal(signals)
    known = _KNOWN[kind]
    first = [cause for test, cause in _FIRST.get(kind, ()) if test(signals)]
    return Advice(
        causes=(*first, *(c for c in known.causes if c not in first)),
        remedies=known.remedies,
        source=known.source,
    )


def _flat(signals: Signals) -> Advice:
    """The tree of causes: those that this run's figures show, else those that none would show."""
    s = signals.settings
    seen: list[tuple[str, str]] = []

    def put(known: bool, cause: str, remedy: str) -> None:
        if known:
            seen.append((cause, remedy))

    gap = max(_mean(signals, series.SYNC_GAP), _mean(signals, series.SAMPLED_GAP))
    put(
        gap > 0.1,
        "the engine does not get the trainer's weights: what is learned is never sampled",
        "leave sync.prove and sync.every on, which stop such a run at once",
    )
    silent = _mean(signals, series.GROUP_NO_SIGNAL)
    put(
        silent >= 0.5,
        f"{silent:.0%} of the groups have equal rewards, and teach nothing",
        "larger groups (grpo.num_generations), or leave hopeless and solved tasks out "
        "(data.signal_from, arcbench curriculum)",
    )
    cut = _mean(signals, series.LENGTH_TRUNCATED)
    put(
        cut >= 0.3,
        f"{cut:.0%} of the completions are cut before they end",
        "raise lengths.max_completion_tokens",
    )
    reward, height = _mean(signals, series.REWARD_MEAN), s.top - s.floor
    put(
        reward >= s.floor + 0.95 * height,
        f"the tasks are too easy: the reward is {reward:.2f} of at most {s.top:.2f}",
        "harder tasks",
    )
    put(
        reward <= s.floor + 0.1 * height,
        f"the tasks are too hard: the reward is {reward:.2f}, and {s.floor:.2f} is the least",
        "easier tasks first, or a reward with more stages (reward arc25-v2)",
    )
    gradient = signals.get(series.GRAD_NORM)
    put(
        gradient is not None and gradient.mean() < 1e-6,
        "no gradient arrives at the weights",
        "see that something is trained: policy.lora, and precision",
    )
    put(
        0 < s.learning_rate < (1e-5 if s.lora else 1e-6),
        f"the learning rate of {s.learning_rate:.1g} is too small",
        "find one with arcbench sweep --lr; LoRA takes about ten times that of full fine-tuning",
    )
    return Advice(
        causes=tuple(cause for cause, _ in seen) or _UNSEEN_FLAT,
        remedies=tuple(remedy for _, remedy in seen) or _UNSEEN_FLAT_REMEDIES,
        source="the arc25 diary (no weights in the engine); trl #3708, #5697; unsloth #8701",
    )


_UNSEEN_FLAT = (
    "the learning rate is too small for so few steps",
    "the reward is too noisy: few completions a step",
    "the engine samples from other weights, where the canary is off",
)
_UNSEEN_FLAT_REMEDIES = (
    "arcbench sweep --lr finds the rate that moves this policy",
    "more completions a step: grpo.num_generations, grpo.prompts_per_step",
    "leave sync.prove and sync.every on",
)


def _no_signal(signals: Signals) -> Advice:
    s = signals.settings
    reward, height = _mean(signals, series.REWARD_MEAN), s.top - s.floor
    low = reward <= s.floor + 0.35 * height
    hard = "no completion of a group does better than another: the tasks are too hard"
    sure = "the policy writes the same program again and again"
    programs = signals.get(series.GROUP_UNIQUE_PROGRAMS) or signals.get(series.UNIQUE_PROGRAMS)
    same = programs is not None and programs.mean() < 0.3
    return Advice(
        causes=(sure, hard) if same or not low else (hard, sure),
        remedies=(
            "larger groups: grpo.num_generations 16 to 64",
            "leave out what never differs: data.signal_from with data.min_signal",
            "a reward with more stages, e.g. reward arc25-v2",
            "sample warmer: sampling.temperature 1.0",
        ),
        source="trl #3708 (groups of equal rewards waste steps); DAPO's dynamic sampling",
    )


def _mean(signals: Signals, name: str) -> float:
    track = signals.get(name)
    return 0.0 if track is None else track.mean()


def _rate_is_high(signals: Signals) -> bool:
    return signals.settings.learning_rate > (1e-4 if signals.settings.lora else 1e-5)


def _gradient_grew(signals: Signals) -> bool:
    track = signals.get(series.GRAD_NORM, 10)
    return track is not None and track.normal > 0 and track.mean(5) > 5 * track.normal


def _gap_grew(signals: Signals) -> bool:
    return _mean(signals, series.SAMPLED_GAP) > 0.1


def _colder_than_one(signals: Signals) -> bool:
    track = signals.get(series.ENTROPY)
    return track is not None and track.mean() < 0.3 * track.normal


_HIGH_RATE = "the learning rate is too high for this policy"
_BIG_STEPS = "single updates are too large: the gradient has grown since the beginning"
_TWO_POLICIES = "trainer and engine have drifted apart, so that updates go astray"
_NARROW = "the policy has narrowed to few answers before this"

_FIRST = dict.fromkeys(
    (Kind.FALLING, Kind.LENGTH, Kind.GIBBERISH, Kind.REPETITION, Kind.FAILING),
    (
        (_gap_grew, _TWO_POLICIES),
        (_gradient_grew, _BIG_STEPS),
        (_rate_is_high, _HIGH_RATE),
        (_colder_than_one, _NARROW),
    ),
)

_COLLAPSE_SOURCE = "the arc25 diary (every long run collapsed); trl #3138"

_KNOWN = {
    Kind.TRUNCATED: Advice(
        causes=(
            "lengths.max_completion_tokens is less than a program needs",
            "the policy never ends: its end token is the padding token, or the prompt is not the "
            "one it was trained with",
        ),
        remedies=(
            "raise lengths.max_completion_tokens above the longest honest program",
            "see what is written: arcbench prompt, and the rollouts of the first step",
            "check the tokenizer's padding token (arcbench fix-tokenizer)",
        ),
        source="trl #5697, #6263 (97 to 99 % cut, reward 0, no word); trl #4970 (pad = eos)",
    ),
    Kind.SATURATED: Advice(
        causes=("the tasks are learned",),
        remedies=("take harder or more tasks, or end the run here",),
        source="DAPO: groups that are all right teach nothing",
    ),
    Kind.FALLING: Advice(
        causes=(_HIGH_RATE, "updates on few, noisy groups have added up"),
        remedies=(LOWER_RATE, BETA, CLIP_GRADIENT, "more completions a step"),
        source=_COLLAPSE_SOURCE,
    ),
    Kind.LENGTH: Advice(
        causes=(
            _HIGH_RATE,
            "length costs nothing: completions that are cut are masked, or the loss is a mean "
            "over each completion (grpo.loss_type grpo)",
        ),
        remedies=(
            LOWER_RATE,
            "grpo.loss_type dapo or dr_grpo, grpo.mask_truncated_completions false",
            "a small price for long programs: reward.length",
            BETA,
        ),
        source="DAPO (token-level loss, overlong shaping); Dr. GRPO (length bias); trl #3138",
    ),
    Kind.GIBBERISH: Advice(
        causes=(_HIGH_RATE, "updates on few, noisy groups have added up"),
        remedies=(LOWER_RATE, CLIP_GRADIENT, BETA),
        source=_COLLAPSE_SOURCE,
    ),
    Kind.REPETITION: Advice(
        causes=(_HIGH_RATE, "entropy fell before: what is likely is repeated"),
        remedies=(LOWER_RATE, "grpo.entropy_bonus, grpo.epsilon_high 0.28 (clip-higher)", BETA),
        source=_COLLAPSE_SOURCE,
    ),
    Kind.ENTROPY: Advice(
        causes=(
            "likely tokens only grow likelier: clipping holds rare ones down",
            _HIGH_RATE,
            "sampled too cold",
        ),
        remedies=(
            "grpo.epsilon_high 0.28 (clip-higher), sampling.temperature 1.0",
            "grpo.entropy_bonus with a target near the entropy of the beginning",
            LOWER_RATE,
        ),
        source="DAPO (clip-higher); Cui et al. 2025, arXiv 2505.22617 (reward is bought with "
        "entropy)",
    ),
    Kind.HACKED: Advice(
        causes=(
            "parts of the reward other than exact grids pay more than solving does",
            "what is easy in part (an output of nearly the right pixels) is a local optimum",
        ),
        remedies=(
            "raise reward.exact over the sum of the other parts; drop reward.pixel",
            "go back to a checkpoint from before the solved share fell",
        ),
        source="the arc25 diary (pixel accuracy leads to local optima)",
    ),
    Kind.UNSTABLE: Advice(
        causes=(_HIGH_RATE, "a few tokens have become very unlikely, and their gradients large"),
        remedies=(CLIP_GRADIENT, LOWER_RATE, "optimizer.adam_beta2 0.95 to 0.99"),
        source="trl #2980 (the gradient's norm grows after 10,000 steps)",
    ),
    Kind.OUT_OF_SYNC: Advice(
        causes=(
            "the engine does not get the trainer's weights, or only a part of them",
            "the two compute with different precision, and the policy has sharpened",
        ),
        remedies=(
            "leave sync.prove and sync.every on: the canary tells which",
            "engine vllm-adapters, which does not merge; precision alike on both sides",
            "importance correction: engine.correction with cap 2 to 3",
        ),
        source="unsloth #8701, trl #5312, #6688, ms-swift #9855; the gap grows from 1e-3 to 1 "
        "before a crash",
    ),
    Kind.OFF_POLICY: Advice(
        causes=(
            "the engine samples from older or other weights",
            "too many updates from one sampling",
            "top_p, top_k or min_p: the engine counts probabilities after them",
        ),
        remedies=(
            "leave the canary on (sync.every)",
            "grpo.updates_per_generation 1, grpo.num_iterations 1",
            "sampling.top_p 1, sampling.top_k 0",
        ),
        source="trl #6789, #5231; truncated importance sampling (cap 2 to 3)",
    ),
    Kind.FAILING: Advice(
        causes=(
            "the policy unlearns the vocabulary of its programs",
            "the sandbox is starved: timeouts on a busy machine",
        ),
        remedies=(
            "see which outcome grows (outcome/*) and read its programs",
            LOWER_RATE,
            "fewer sandbox.workers, a longer sandbox.timeout_s where it is timeouts",
        ),
        source="Reasoning360 #109 (reward workers take the batch along); share above 5 % and "
        "rising",
    ),
    Kind.MEMORY: Advice(
        causes=("something keeps what it should forget: a leak", "longer and longer completions"),
        remedies=(
            "stop at the next checkpoint and resume: a new process starts small",
            "lower sandbox.workers; see which of machine/* grows",
        ),
        source="the arc25 diary (200 GB of memory at 32 generations)",
    ),
}  # fmt: skip
