"""The weight-sync canary: does the engine that writes completions run the trainer's weights?

A fixed set of token sequences is scored by the trainer's model and by the engine. Before the first
step the weights are changed on purpose, to see the engine follow, and put back exactly; then every
few steps the two are compared again. A run whose engine does not follow is stopped.
"""

from collections.abc import Callable, Sequence
from dataclasses import dataclass, field, replace
from enum import Enum
from typing import Any, Protocol

import numpy as np

from arcbench import series
from arcbench.errors import UserError
from arcbench.training.perturb import perturbed, proof_parameters

GAP_CEILING = 0.1  # an engine that starts further off than this does not serve the same model
GAP_MARGIN = 3.0  # the threshold over the gap of the first check
NOISE_FLOOR = 3e-3  # of one log-probability in bfloat16, root mean square
EXACT_NOISE_FLOOR = 3e-5  # of one in float32
# Movement is told from rounding when it is this many times as large.
CLEAR_MOVEMENT = 6.0
TOLD = 0.5  # share of a clear movement below which a lag is told


@dataclass(frozen=True, kw_only=True, slots=True)
class Strictness:
    """What is asked of an engine, by how it is given the weights."""

    threshold: float  # the smallest limit of the gap
    needed: float  # share of a clear movement that it must make
    lag: float = 0.0  # a gap up to this one excuses less


EXACT = Strictness(threshold=0.01, needed=0.8)  # both compute in float32
ROUNDED = Strictness(threshold=0.03, needed=0.5)  # at least one of them in 16 bits
# An adapter is merged into 16-bit weights: an update of less than half a unit in the last place is
# lost until there are enough of them, so that an engine that is well lags behind.
MERGED = Strictness(threshold=0.1, needed=0.25, lag=0.03)
# How far the trainer's log-probabilities are moved on purpose: at least so much, and so many gaps.
PROOF_MOVEMENT, PROOF_GAPS = 0.1, 20.0
PROOF_FIRST_SCALE, PROOF_FACTOR, PROOF_TRIES = 2e-3, 2, 15

Logprobs = Sequence[Sequence[float]]  # a row a probe, an entry a completion token


@dataclass(frozen=True, kw_only=True, slots=True)
class Probe:
    """A token sequence that both sides score; only the completion's tokens count."""

    prompt_ids: tuple[int, ...]
    completion_ids: tuple[int, ...]

    def __post_init__(self) -> None:
        if not self.prompt_ids or not self.completion_ids:
            raise ValueError("a probe needs a prompt and a completion")


class Engine(Protocol):
    """What writes completions, seen from the canary."""

    @property
    def name(self) -> str:
        """What messages call it."""
        ...

    def sync(self) -> None:
        """Bring the trainer's weights of this moment into the engine, as the run does it."""
        ...

    def score(self, probes: Sequence[Probe]) -> Logprobs:
        """Log-probability of every completion token under the weights that the engine has now."""
        ...


class Verdict(Enum):
    """What a check found."""

    FOLLOWS = "follows"
    STALE = "stale"  # the trainer moved and the engine did not
    DIFFERS = "differs"  # the engine moves, or was never equal, and computes something else

    @property
    def healthy(self) -> bool:
        """Whether the run may go on."""
        return self is Verdict.FOLLOWS


@dataclass(frozen=True, kw_only=True, slots=True)
class SyncCheck:
    """One comparison."""

    step: int  # 0: before the first
    gap: float  # mean |trainer − engine| of a token's log-probability
    threshold: float
    followed: float | None  # share of the trainer's movement that the engine made; None: too small
    verdict: Verdict

    def __str__(self) -> str:
        followed = "" if self.followed is None else f", followed {self.followed:.0%} of the way"
        return f"gap {self.gap:.2g} (limit {self.threshold:.2g}){followed}: {self.verdict.value}"


class OutOfSync(UserError):
    """The engine does not run the trainer's weights; the message says what was seen."""

    def __init__(self, message: str, check: SyncCheck) -> None:
        super().__init__(message)
        self.check = check


def flat(scores: Logprobs, probes: Sequence[Probe]) -> np.ndarray:
    """The log-probabilities of all probes' tokens as one array.

    Raises ValueError if they are not one for each completion token.
    """
    lengths = [len(p.completion_ids) for p in probes]
    if [len(row) for row in scores] != lengths:
        raise ValueError(f"scores of {[len(row) for row in scores]} tokens, not of {lengths}")
    return np.array([value for row in scores for value in row], dtype=np.float64)


def logprob_gap(trainer_T: np.ndarray, engine_T: np.ndarray) -> float:
    """Mean absolute difference; infinite where either is not a number."""
    difference = np.abs(trainer_T - engine_T)
    return float(difference.mean()) if np.isfinite(difference).all() else float("inf")


@dataclass(frozen=True, kw_only=True, slots=True)
class Baseline:
    """What is normal for this run, and the scores from which movement is counted."""

    trainer_T: np.ndarray
    engine_T: np.ndarray
    threshold: float
    noise: float  # root mean square of trainer − engine while both have the same weights
    size: float  # mean |log-probability|, with which rounding grows
    strict: Strictness = ROUNDED

    @classmethod
    def of(
        cls, trainer_T: np.ndarray, engine_T: np.ndarray, strict: Strictness = ROUNDED
    ) -> "Baseline":
        """From a first check."""
        return cls(
            trainer_T=trainer_T,
            engine_T=engine_T,
            threshold=max(strict.threshold, GAP_MARGIN * logprob_gap(trainer_T, engine_T)),
            noise=max(_floor(strict), _rms(trainer_T - engine_T)),
            strict=strict,
            size=max(1.0, float(np.abs(trainer_T).mean())),
        )

    def moved_to(self, trainer_T: np.ndarray, engine_T: np.ndarray) -> "Baseline":
        """The same limits, with movement counted from here on."""
        return replace(self, trainer_T=trainer_T, engine_T=engine_T)

    def rounded_as(self, trainer_T: np.ndarray, engine_T: np.ndarray) -> "Baseline":
        """The same after a healthy check: tokens that became unlikely are rounded more."""
        first = max(_floor(self.strict), _rms(self.trainer_T - self.engine_T))
        return replace(self, noise=max(first, _rms(trainer_T - engine_T)))


def compare(
    step: int, trainer_T: np.ndarray, engine_T: np.ndarray, baseline: Baseline
) -> SyncCheck:
    """Judge one check.

    Out of sync is a gap above the threshold, and an engine that has not made the trainer's
    movement since the last check, as far as the baseline's `Strictness` asks for it.
    """
    gap = logprob_gap(trainer_T, engine_T)
    growth = max(1.0, float(np.abs(trainer_T).mean()) / baseline.size)
    threshold = baseline.threshold * growth if np.isfinite(growth) else baseline.threshold
    followed, needed = None, 0.0
    movement_T = trainer_T - baseline.trainer_T
    ratio = _rms(movement_T) / baseline.noise
    if np.isfinite(gap) and ratio > CLEAR_MOVEMENT:
        engine_movement_T = engine_T - baseline.engine_T
        followed = float(engine_movement_T @ movement_T / (movement_T @ movement_T))
        # Rounding alone makes a movement that is hardly clear seem followed in part.
        needed = min(baseline.strict.needed, 1 - CLEAR_MOVEMENT / 2 / ratio)
    if followed is not None and followed < needed and gap > baseline.strict.lag:
        verdict = Verdict.STALE
    elif gap > threshold:
        verdict = Verdict.DIFFERS
    else:
        verdict = Verdict.FOLLOWS
    return SyncCheck(step=step, gap=gap, threshold=threshold, followed=followed, verdict=verdict)


def _floor(strict: Strictness) -> float:
    return EXACT_NOISE_FLOOR if strict is EXACT else NOISE_FLOOR


def _rms(values: np.ndarray) -> float:
    return float(np.sqrt(np.mean(values**2)))


@dataclass(kw_only=True, slots=True)
class Canary:
    """Compares trainer and engine, and raises OutOfSync as soon as the engine does not follow.

    Every process of a run has one, because `sync` and the trainer's forward pass may need all of
    them; only where `watching` is true the engine is asked.
    """

    engine: Engine
    trainer_scores: Callable[[Sequence[Probe]], Logprobs]
    probes: Sequence[Probe]
    report: Callable[[str], None] = lambda _: None
    watching: bool = True
    strict: Strictness = ROUNDED
    checks: list[SyncCheck] = field(default_factory=list)
    _baseline: Baseline | None = None
    _told: bool = False  # of a lag

    def metrics(self, step: int) -> dict[str, float]:
        """The check of this step, for its line; empty where it had none."""
        of_step = self.checks and self.checks[-1].step == step
        return {series.SYNC_GAP: self.checks[-1].gap} if of_step else {}

    def prove(self, parameters: Sequence[Any], *, seed: int = 0) -> None:
        """Before the first step: change the weights on purpose, see the engine follow, go back.

        `parameters` are the trained tensors (each process having all of them whole); afterwards
        they are bit for bit as they were, also if this raises.
        """
        self.engine.sync()
        start_T = self._trainer()
        engine_T = self._engine()
        baseline = None
        if engine_T is not None:
            baseline = Baseline.of(start_T, engine_T, self.strict)
            first = compare(0, start_T, engine_T, baseline)
            self.checks.append(first)
            if not first.gap <= GAP_CEILING:
                raise OutOfSync(
                    f"before the first step, with the same weights, {self.engine.name} and the "
                    f"trainer differ by {first.gap:.2g} in the log-probability of a token (at most "
                    f"{GAP_CEILING} is expected): the engine serves another model, lacks the "
                    "adapter, or is quantised otherwise",
                    first,
                )
        gap = self.checks[-1].gap if engine_T is not None else 0.0
        with perturbed(parameters, seed=seed) as scale_to:
            movement, changed_T = _move(self._trainer, start_T, scale_to, gap)
            self.engine.sync()
            seen_T = self._engine()
        self.engine.sync()
        restored_T = self._engine()
        if baseline is None or seen_T is None or restored_T is None:
            return
        seen = compare(0, changed_T, seen_T, baseline)
        self.checks.append(seen)
        # Next to movement of this size, rounding is small; anything more is another computation.
        followed = seen.followed is not None and seen.followed >= EXACT.needed
        if not (
            followed and seen.gap <= max(GAP_MARGIN * first.gap, EXACT.threshold, movement / 4)
        ):
            raise OutOfSync(
                f"{self.engine.name} does not get the trainer's weights: they were changed on "
                f"purpose, which moved the trainer's log-probabilities by {movement:.2g} a token, "
                f"and the engine followed {_share(seen.followed)} of it, leaving a gap of "
                f"{seen.gap:.2g}. The weights are restored; no step was taken",
                seen,
            )
        restored = compare(0, start_T, restored_T, baseline)
        self.checks.append(restored)
        if not restored.verdict.healthy:
            raise OutOfSync(
                f"{self.engine.name} took one change of the weights, but did not come back when "
                f"they were restored: {restored}",
                restored,
            )
        self._baseline = baseline.rounded_as(start_T, restored_T)
        self.report(
            f"weight sync: {self.engine.name} follows the trainer (moved {movement:.2g} on "
            f"purpose, gap {first.gap:.2g} before, {seen.gap:.2g} during, {restored.gap:.2g} "
            f"after; limit {baseline.threshold:.2g})"
        )

    def check(self, step: int) -> SyncCheck | None:
        """Compare as it is, without a sync of our own: the engine as step `step` samples from it.

        The first check sets the limits if `prove` was not called. None where not `watching`.
        """
        trainer_T, engine_T = self._trainer(), self._engine()
        if engine_T is None:
            return None
        if self._baseline is None:
            first = Baseline.of(trainer_T, engine_T, self.strict)
            # Nobody has proved that this gap is normal.
            self._baseline = replace(first, threshold=min(first.threshold, GAP_CEILING))
        found = compare(step, trainer_T, engine_T, self._baseline)
        self.checks.append(found)
        if not found.verdict.healthy:
            raise OutOfSync(_explain(found, self.engine.name), found)
        self._baseline = self._baseline.rounded_as(trainer_T, engine_T)
        if found.followed is not None:
            self._baseline = self._baseline.moved_to(trainer_T, engine_T)
            if found.followed < TOLD and not self._told:
                self._told = True
                self.report(
                    f"warning: at step {step} {self.engine.name} made {found.followed:.0%} of the "
                    f"trainer's movement (gap {found.gap:.2g} a token): merged into 16 bits, "
                    "small updates of an adapter are lost until there are enough of them; engine "
                    "vllm-adapters, which does not merge, has no such lag"
                )
        return found

    def _trainer(self) -> np.ndarray:
        return flat(self.trainer_scores(self.probes), self.probes)

    def _engine(self) -> np.ndarray | None:
        return flat(self.engine.score(self.probes), self.probes) if self.watching else None


def _move(
    score: Callable[[], np.ndarray],
    start_T: np.ndarray,
    scale_to: Callable[[float], None],
    gap: float,
) -> tuple[float, np.ndarray]:
    """Change the weights more and more until it shows; the movement and the scores then."""
    wanted = max(PROOF_MOVEMENT, PROOF_GAPS * gap)
    for attempt in range(PROOF_TRIES):
        scale_to(PROOF_FIRST_SCALE * PROOF_FACTOR**attempt)
        changed_T = score()
        movement = logprob_gap(changed_T, start_T)
        if not np.isfinite(movement):
            break
        if movement >= wanted:
            return movement, changed_T
    raise RuntimeError(
        f"changing the trained weights moves the trainer's log-probabilities by {movement:.2g} "
        f"only, not by {wanted:.2g}: are these the weights that it computes with?"
    )


def _share(followed: float | None) -> str:
    return "nothing" if followed is None else f"{followed:.0%}"


def _explain(check: SyncCheck, engine: str) -> str:
    if check.verdict is Verdict.STALE:
        return (
            f"at step {check.step} {engine} samples with old weights: the trainer's have moved, "
            f"and it followed {_share(check.followed)} of the way (gap {check.gap:.2g} a token). "
            "Rewards would stay flat for ever; the run is stopped"
        )
    return (
        f"at step {check.step} {engine} and the trainer differ by {check.gap:.2g} in the "
        f"log-probability of a token, more than {check.threshold:.2g}: updates arrive only in "
        "part, or the two compute with another precision than at the start; the run is stopped"
    )


def checked(done: int, *, every: int, generate_every: int = 1) -> bool:
    """Whether the step after `done` steps is checked: about one step of `every`.

    Completions serve `generate_every` steps, and only in the first of them both sides are equal.
    Directly after the proof nothing has moved yet.
    """
    if not every or not done or done % generate_every:
        return False
    return done // every > (done - generate_every) // every


def as_callback(
    canary: Canary, *, prove: bool = True, every: int, generate_every: int = 1, seed: int = 0
) -> Any:
    """The canary as a callback that TRL accepts: the proof first, then the checks.

    A check runs between sampling and the optimiser's step, when both sides must be equal; which
    steps have one depends on their number only (see `checked`), so a resumed run has the same.
    """
    from transformers import TrainerCallback

    class SyncCallback(TrainerCallback):  # type: ignore[misc]
        def on_train_begin(self, _args: Any, _state: Any, _control: Any, **kwargs: Any) -> None:
            if prove:
                canary.prove(proof_parameters(kwargs["model"], seed=seed), seed=seed)

        def on_pre_optimizer_step(self, _args: Any, state: Any, _control: Any, **_: Any) -> None:
            done = int(state.global_step)
            if checked(done, every=every, generate_every=generate_every):
                canary.check(done + 1)

    return SyncCallback()
