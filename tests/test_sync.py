"""The canary: healthy engines never raise, broken ones are caught within one check."""

import copy
from dataclasses import dataclass, field, replace
from typing import Any

import numpy as np
import pytest
import torch  # noqa: TID253  (what is tested here is torch)
from hypothesis import given
from hypothesis import strategies as st

from arcbench.policies.chat import ChatTokenizer
from arcbench.training.engines import InProcess, model_logprobs
from arcbench.training.perturb import perturbed, proof_parameters
from arcbench.training.probes import fixed_probes
from arcbench.training.sync import (
    EXACT,
    GAP_CEILING,
    MERGED,
    ROUNDED,
    Baseline,
    Canary,
    OutOfSync,
    Probe,
    Verdict,
    compare,
    flat,
    logprob_gap,
)
from tests.tiny_policy import save_tiny_policy

BF16 = 0.003  # what bfloat16 does to a log-probability, root mean square


@pytest.fixture(scope="module")
def folder(tmp_path_factory):
    return save_tiny_policy(tmp_path_factory.mktemp("tiny"))


@pytest.fixture(scope="module")
def chat(folder):
    return ChatTokenizer.load(folder)


@pytest.fixture
def full(folder):
    from transformers import AutoModelForCausalLM

    return AutoModelForCausalLM.from_pretrained(folder, dtype=torch.float32)


@pytest.fixture
def lora(full):
    from peft import LoraConfig, get_peft_model

    torch.manual_seed(0)
    return get_peft_model(full, LoraConfig(r=4, lora_alpha=8, target_modules="all-linear"))


@pytest.fixture(params=["full", "lora"])
def model(request):
    return request.getfixturevalue(request.param)


@dataclass
class SecondCopy:
    """A real engine with weights of its own, which `sync` brings over; noise as of bfloat16."""

    source: Any
    noise: float = 0.0
    name: str = "second copy"
    syncs: int = 0
    rng: Any = field(default_factory=lambda: np.random.default_rng(0))

    def __post_init__(self):
        self.own = copy.deepcopy(self.source)

    def sync(self):
        self.syncs += 1
        self.own.load_state_dict(self.source.state_dict())

    def score(self, probes):
        rows = model_logprobs(self.own, probes)
        return [[x + self.noise * self.rng.normal() for x in row] for row in rows]


class SwallowsSync(SecondCopy):
    """The transfer is called, and nothing arrives."""

    def sync(self):
        self.syncs += 1


class SwallowsSyncLater(SecondCopy):
    """The first three transfers, those of the proof, arrive."""

    def sync(self):
        if self.syncs < 3:
            super().sync()


class IgnoresAdapter(SecondCopy):
    """Takes the weights and samples from the base model."""

    def score(self, probes):
        with self.own.disable_adapter():
            return super().score(probes)


class ReloadsTheStart(SecondCopy):
    """Follows, until it is restarted with the weights of the disk and nobody tells it the rest."""

    def __post_init__(self):
        super().__post_init__()
        self.start = copy.deepcopy(self.source.state_dict())

    def restart(self):
        self.own.load_state_dict(self.start)


class NeverComesBack(SecondCopy):
    """Takes one change only."""

    def sync(self):
        if self.syncs < 2:
            super().sync()


def train_a_step(model, learning_rate=1e-3, seed=0):
    """One AdamW-like step: every trained weight moves by the learning rate."""
    generator = torch.Generator().manual_seed(seed)
    with torch.no_grad():
        for p in model.parameters():
            if p.requires_grad:
                p += learning_rate * torch.randn(p.shape, generator=generator).sign()


def make_canary(model, engine, chat) -> Canary:
    return Canary(
        engine=engine,
        trainer_scores=lambda found: model_logprobs(model, found),
        probes=fixed_probes(chat),
    )


def prove(canary, model):
    canary.prove(proof_parameters(model), seed=1)


def weights(model):
    return {name: p.detach().clone() for name, p in model.named_parameters()}


# --- healthy ---


def test_a_healthy_engine_never_raises_in_250_checks(model, chat):
    engine = SecondCopy(source=model, noise=BF16)
    canary = make_canary(model, engine, chat)
    canary.probes = canary.probes[:2]
    prove(canary, model)
    for step in range(1, 251):
        engine.sync()
        assert canary.check(step).verdict is Verdict.FOLLOWS
        train_a_step(model, learning_rate=1e-3, seed=step)
    followed = [c.followed for c in canary.checks if c.step and c.followed is not None]
    assert len(followed) >= 2
    assert min(followed) > 0.7


def test_sampling_in_the_trainer_s_process_is_checked_through_a_cache_and_in_sync(model, chat):
    engine = InProcess(model=lambda: model)
    canary = make_canary(model, engine, chat)
    prove(canary, model)
    for step in range(1, 6):
        train_a_step(model, seed=step)
        assert canary.check(step).gap < 1e-5
    assert canary.checks[1].followed == pytest.approx(1, abs=1e-3)


def test_a_sampler_that_took_a_copy_of_the_model_is_caught(model, chat):
    engine = InProcess(model=lambda: copied)
    copied = copy.deepcopy(model)
    with pytest.raises(OutOfSync, match="followed 0% of it"):
        prove(make_canary(model, engine, chat), model)


def test_the_proof_leaves_every_weight_bit_for_bit_as_it_was(model, chat):
    before, trains = weights(model), model.training
    prove(make_canary(model, SecondCopy(source=model), chat), model)
    after = weights(model)
    assert all(torch.equal(before[name], after[name]) for name in before)
    assert model.training == trains
    assert all(p.grad is None for p in model.parameters())


def test_the_proof_restores_the_weights_even_if_the_engine_fails_in_it(model, chat):
    class Dies(SecondCopy):
        def sync(self):
            super().sync()
            if self.syncs == 2:
                raise ConnectionError("gone")

    before = weights(model)
    with pytest.raises(ConnectionError, match="gone"):
        prove(make_canary(model, Dies(source=model), chat), model)
    after = weights(model)
    assert all(torch.equal(before[name], after[name]) for name in before)


def test_the_proof_is_drawn_from_its_seed_and_restores_bfloat16(full):
    full.to(torch.bfloat16)
    chosen = proof_parameters(full)
    before = weights(full)
    seen = []
    for seed in (1, 1, 2):
        with perturbed(chosen, seed=seed) as scale_to:
            scale_to(0.5)
            scale_to(0.01)
            seen.append([p.detach().clone() for p in chosen])
        after = weights(full)
        assert all(torch.equal(before[name], after[name]) for name in before)
    for first, again, other, now in zip(*seen, chosen, strict=True):
        assert torch.equal(first, again)
        assert not torch.equal(first, other)
        assert not torch.equal(first, now)


# --- broken ---


def test_a_swallowed_sync_is_caught_before_the_first_step(model, chat):
    before = weights(model)
    canary = make_canary(model, SwallowsSync(source=model, noise=BF16), chat)
    with pytest.raises(OutOfSync, match=r"changed on purpose.*no step was taken") as caught:
        prove(canary, model)
    assert caught.value.check.gap > 0.05
    assert all(torch.equal(before[name], p) for name, p in model.named_parameters())


def test_an_ignored_adapter_is_caught_before_the_first_step(lora, chat):
    with pytest.raises(OutOfSync, match="does not get the trainer's weights"):
        prove(make_canary(lora, IgnoresAdapter(source=lora, noise=BF16), chat), lora)


def test_an_engine_that_keeps_the_changed_weights_is_caught(model, chat):
    with pytest.raises(OutOfSync, match="did not come back"):
        prove(make_canary(model, NeverComesBack(source=model, noise=BF16), chat), model)


def test_another_model_in_the_engine_is_told_from_the_start(full, chat, tmp_path):
    from transformers import AutoModelForCausalLM

    other = AutoModelForCausalLM.from_pretrained(save_tiny_policy(tmp_path, seed=7))
    engine = SwallowsSync(source=other)
    with pytest.raises(OutOfSync, match="serves another model"):
        prove(make_canary(full, engine, chat), full)


@pytest.mark.parametrize("noise", [0.0, BF16])
def test_a_sync_that_stops_working_later_is_caught_in_the_next_check(model, chat, noise):
    engine = SwallowsSyncLater(source=model, noise=noise)
    canary = make_canary(model, engine, chat)
    prove(canary, model)
    engine.sync()
    canary.check(1)
    # A step at 1e-2: the tiny model's probabilities move as a large one's do at 1e-3.
    train_a_step(model, learning_rate=1e-2)
    engine.sync()
    with pytest.raises(OutOfSync, match="at step 2 second copy samples with old weights"):
        canary.check(2)


def test_a_stale_engine_is_caught_after_a_reload(model, chat):
    engine = ReloadsTheStart(source=model)
    canary = make_canary(model, engine, chat)
    canary.strict = EXACT
    prove(canary, model)
    for step in range(1, 20):
        engine.sync()
        canary.check(step)
        train_a_step(model, learning_rate=3e-3, seed=step)
    engine.sync()
    engine.restart()
    with pytest.raises(OutOfSync, match="at step 20"):
        canary.check(20)


def test_a_gap_far_below_the_threshold_is_caught_where_the_engine_did_not_move_at_all(full, chat):
    engine = SwallowsSyncLater(source=full)  # float32: hardly any noise
    canary = make_canary(full, engine, chat)
    canary.strict = EXACT
    prove(canary, full)
    canary.check(1)
    train_a_step(full, learning_rate=1e-4)
    with pytest.raises(OutOfSync, match="followed 0% of the way") as caught:
        canary.check(2)
    assert caught.value.check.gap < ROUNDED.threshold
    assert caught.value.check.verdict is Verdict.STALE


def test_without_a_proof_the_first_check_sets_the_limits(full, chat):
    engine = SecondCopy(source=full, noise=BF16)
    canary = make_canary(full, engine, chat)
    first = canary.check(1)
    assert first.threshold == pytest.approx(max(ROUNDED.threshold, 3 * first.gap))
    train_a_step(full, learning_rate=1e-2)
    with pytest.raises(OutOfSync):
        canary.check(2)
    train_a_step(full, learning_rate=1e-1)
    with pytest.raises(OutOfSync, match="differ by"):
        make_canary(full, engine, chat).check(1)


def test_where_nobody_watches_the_engine_is_synced_but_not_asked(full, chat):
    engine = SwallowsSync(source=full)
    canary = make_canary(full, engine, chat)
    canary.watching = False
    prove(canary, full)
    assert engine.syncs == 3
    assert canary.check(1) is None
    assert canary.metrics(1) == {}


# --- the pure part ---


FLOATS = st.floats(-30, 0, allow_nan=False)


@given(st.lists(FLOATS, min_size=4, max_size=40))
def test_equal_scores_have_no_gap_and_follow(values):
    scores = np.array(values)
    check = compare(3, scores, scores, Baseline.of(scores, scores))
    assert (check.gap, check.verdict, check.threshold) == (0, Verdict.FOLLOWS, ROUNDED.threshold)


@given(st.lists(FLOATS, min_size=4, max_size=40), st.floats(0.02, 3))
def test_an_engine_that_stays_where_it_was_is_stale_whatever_the_movement(values, movement):
    start = np.array(values)
    check = compare(1, start - movement, start, Baseline.of(start, start))
    assert check.verdict is Verdict.STALE
    assert check.followed == pytest.approx(0, abs=1e-9)
    assert check.gap == pytest.approx(movement)


@given(st.lists(FLOATS, min_size=4, max_size=40), st.floats(0, 3))
def test_an_engine_that_moves_along_follows_whatever_the_movement(values, movement):
    start = np.array(values)
    check = compare(1, start - movement, start - movement, Baseline.of(start, start))
    assert check.verdict is Verdict.FOLLOWS
    assert check.followed is None or check.followed == pytest.approx(1)


def test_an_engine_that_moves_along_but_drifts_away_differs():
    start = np.linspace(-4, -0.5, 40)
    drifted = np.where(np.arange(40) % 2, 0.12, -0.12)
    check = compare(9, start - 1, start - 1 + drifted, Baseline.of(start, start))
    assert check.verdict is Verdict.DIFFERS
    assert check.followed == pytest.approx(1, abs=0.05)


def test_what_is_lost_where_adapters_are_merged_is_no_alarm_until_it_shows():
    start = np.linspace(-2, -0.5, 40)
    moved = start - 0.025  # clear of rounding; the engine has not made any of it
    verdicts = [
        compare(1, moved, start, Baseline.of(start, start, strict)).verdict
        for strict in (EXACT, ROUNDED, MERGED)
    ]
    assert verdicts == [Verdict.STALE, Verdict.STALE, Verdict.FOLLOWS]
    merged = Baseline.of(start, start, MERGED)
    assert compare(1, start - 0.05, start, merged).verdict is Verdict.STALE
    assert compare(1, start - 0.05, start - 0.02, merged).verdict is Verdict.FOLLOWS
    assert compare(1, start - 0.2, start - 0.06, merged).verdict is Verdict.DIFFERS


def test_a_lag_is_told_once(full, chat):
    engine = SwallowsSyncLater(source=full)
    told: list[str] = []
    canary = make_canary(full, engine, chat)
    canary.strict, canary.report = MERGED, told.append
    prove(canary, full)
    for step in range(1, 4):
        train_a_step(full, learning_rate=1e-3)
        if canary.check(step).gap > 0.02:
            break
    assert [t for t in told if "of the trainer's movement" in t] == told[1:2]


def test_an_engine_that_gets_only_part_of_the_updates_is_stale():
    rng = np.random.default_rng(0)
    start = -rng.exponential(0.5, 60)
    moved = start - rng.exponential(0.3, 60)
    partly = start + 0.6 * (moved - start)
    assert compare(5, moved, partly, Baseline.of(start, start, EXACT)).verdict is Verdict.STALE
    assert not compare(5, moved, partly, Baseline.of(start, start)).verdict.healthy


def test_what_is_not_a_number_is_never_in_sync():
    start = np.full(8, -1.0)
    for broken in (np.nan, np.inf, -np.inf):
        engine = start.copy()
        engine[3] = broken
        check = compare(1, start, engine, Baseline.of(start, start))
        assert check.gap == float("inf")
        assert check.verdict is Verdict.DIFFERS
    assert logprob_gap(start, start - 0.25) == 0.25


def test_the_limit_grows_with_the_log_probabilities_as_rounding_does():
    start = np.linspace(-3, -1, 40)
    baseline = replace(Baseline.of(start, start), threshold=ROUNDED.threshold)
    collapsed = start * 10
    check = compare(1, collapsed, collapsed + 0.05, baseline)
    assert check.threshold == pytest.approx(10 * ROUNDED.threshold)
    assert check.verdict is Verdict.FOLLOWS


def test_scores_of_another_shape_are_an_error():
    asked = [Probe(prompt_ids=(1,), completion_ids=(2, 3))]
    with pytest.raises(ValueError, match="scores of"):
        flat([[-1.0]], asked)
    with pytest.raises(ValueError, match="needs a prompt"):
        Probe(prompt_ids=(), completion_ids=(2,))


def test_probes_are_fixed_and_long_enough_in_a_tiny_vocabulary_too(chat):
    from arcbench.policies import embedded

    for tokenizer in (chat, ChatTokenizer.load(embedded.checked_path())):
        made = fixed_probes(tokenizer)
        assert made == fixed_probes(tokenizer)
        assert len(made) >= 3
        size = len(tokenizer.tokenizer)
        for probe in made:
            assert 16 <= len(probe.completion_ids) <= 48
            assert all(0 <= i < size for i in probe.prompt_ids + probe.completion_ids)
            assert not set(probe.completion_ids) & set(tokenizer.tokenizer.all_special_ids)
        assert len({p.completion_ids for p in made}) == len(made)
    assert GAP_CEILING < 0.15  # what a broken engine shows after one step at 1e-3
