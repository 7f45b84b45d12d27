"""Signals of a collapse: text, ratios between policies, the machine, and where they come from."""

import os
import subprocess
import sys
from collections import Counter
from dataclasses import replace
from math import exp, inf, log, nan
from pathlib import Path

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from hypothesis.extra.numpy import arrays

from arcbench import series, series_text
from arcbench.policies.base import Completion
from arcbench.rewards import RewardBreakdown
from arcbench.sandbox.types import Outcome
from arcbench.series_ratio import PolicySums, RatioSums, together
from arcbench.training.config import GrpoConfig, RolloutSampling, TrainConfig
from arcbench.training.sampler import StepSampler, VllmSampler
from arcbench.training.usage import Usage, descendants, usage, usage_metrics
from tests.tiny_policy import save_tiny_policy
from tests.tiny_runs import make_config

TOKENS = st.lists(st.integers(0, 5), max_size=60)
LOG_RATIOS = arrays(np.float64, st.integers(1, 30), elements=st.floats(-900, 900))


# Repetition


@given(ids=TOKENS, n=st.integers(1, 5))
def test_sequences_of_tokens_are_counted_as_python_would(ids, n):
    naive = Counter(tuple(ids[i : i + n]) for i in range(len(ids) - n + 1))
    counts = series_text.ngram_counts(np.array(ids, dtype=np.int64), n)[-1]
    assert sorted(counts.tolist()) == sorted(naive.values())


@given(ids=TOKENS, shift=st.integers(1, 100_000))
def test_repetition_does_not_depend_on_which_tokens_repeat(ids, shift):
    assert series_text.repetition(ids) == series_text.repetition([shift * (i + 1) for i in ids])


@given(ids=TOKENS)
def test_repetition_is_a_share(ids):
    r = series_text.repetition(ids)
    for share in (r.unique_3grams, r.unique_4grams, r.top_4gram, r.loop):
        assert 0 <= share <= 1
    assert 0 <= r.same_token <= len(ids)


@given(unit=st.lists(st.integers(0, 9), min_size=1, max_size=64), times=st.integers(2, 5))
def test_a_unit_over_and_over_is_one_loop_of_everything(unit, times):
    assert series_text.repetition(unit * times).loop == 1


@given(ids=st.lists(st.integers(0, 2), max_size=24), longest_period=st.integers(1, 8))
def test_the_longest_loop_is_the_longest_of_all_stretches(ids, longest_period):
    def repeats(part):
        return any(
            len(part) >= 2 * p and all(a == b for a, b in zip(part[p:], part, strict=False))
            for p in range(1, longest_period + 1)
        )

    parts = (ids[i:j] for i in range(len(ids)) for j in range(i + 2, len(ids) + 1))
    longest = max((len(p) for p in parts if repeats(p)), default=0)
    assert series_text.longest_loop(np.array(ids, dtype=np.int64), longest_period) == longest


def test_a_loop_after_a_good_start_shows_and_tokens_that_all_differ_do_not():
    good = list(range(100))
    looping = series_text.repetition(good + [7, 8, 9] * 100)
    assert looping.loop == pytest.approx(300 / 400)
    assert looping.unique_4grams < 0.27
    assert looping.top_4gram == pytest.approx(99 / 397, abs=0.01)
    calm = series_text.repetition(good)
    assert (calm.unique_3grams, calm.unique_4grams) == (1, 1)
    assert (calm.top_4gram, calm.loop, calm.same_token) == (0, 0, 1)
    assert series_text.repetition([4, 4, 4, 1]).same_token == 3


@given(text=st.text())
def test_any_text_has_a_share_of_printable_characters(text):
    assert 0 <= series_text.printable(text) <= 1
    ratio = series_text.compression(text)
    assert (ratio is None) == (not text)


def test_gibberish_is_told_from_programs():
    program = "def transform(grid):\n\treturn grid[::-1]\n"
    assert series_text.printable(program) == 1
    assert series_text.printable("\ud800é漢字\x00" + "a") == pytest.approx(1 / 6)
    noise = "".join(map(chr, np.random.default_rng(0).integers(33, 127, 2000)))
    looped = series_text.compression("grid = grid\n" * 200)
    assert looped < 0.05 < 0.7 < series_text.compression(noise)
    m = series.text_metrics([Completion(text=t) for t in (program, "漢字" * 9, "")])
    assert m[series.GARBLED] == pytest.approx(1 / 3)
    assert series.COMPRESSION not in series.text_metrics([Completion(text="")])


# Ratios


@given(log_ratios=LOG_RATIOS)
def test_the_effective_sample_size_is_between_one_and_all(log_ratios):
    sums = RatioSums.of(log_ratios)
    n = sums.count
    assert 1 / n * (1 - 1e-9) <= sums.ess <= 1 + 1e-9
    assert sums.k3 >= 0
    assert sums.gap <= sums.largest_gap * (1 + 1e-9)
    assert np.isfinite([sums.mean, sums.lowest, sums.highest, sums.k3]).all()


@given(log_ratios=LOG_RATIOS, factor=st.floats(-50, 50))
def test_the_effective_sample_size_does_not_change_when_all_ratios_grow(log_ratios, factor):
    same = RatioSums.of(log_ratios + factor).ess
    assert same == pytest.approx(RatioSums.of(log_ratios).ess, rel=1e-6)


@given(log_ratios=LOG_RATIOS, cut=st.integers(0, 30))
def test_the_parts_of_ratios_add_up_to_the_whole(log_ratios, cut):
    whole = RatioSums.of(log_ratios)
    parts = RatioSums.of(log_ratios[:cut]) + RatioSums.of(log_ratios[cut:])
    assert (parts.count, parts.low, parts.high) == (whole.count, whole.low, whole.high)
    assert parts.ess == pytest.approx(whole.ess)
    assert parts.log_sum == pytest.approx(whole.log_sum)
    assert parts.gap == pytest.approx(whole.gap)


def test_ratios_are_what_the_formulas_say():
    ratios = np.array([0.5, 1.0, 2.0, 4.0])
    sums = RatioSums.of(np.log(ratios))
    assert sums.mean == pytest.approx(ratios.mean())
    assert sums.ess == pytest.approx(ratios.sum() ** 2 / (4 * (ratios**2).sum()))
    assert sums.k3 == pytest.approx((ratios - 1 - np.log(ratios)).mean())
    assert (sums.lowest, sums.highest) == pytest.approx((0.5, 4))
    assert (sums.gap, sums.largest_gap) == pytest.approx((log(2), log(4)))


def test_k3_estimates_the_divergence_of_what_was_sampled_from():
    rng = np.random.default_rng(0)
    p, q = np.array([0.5, 0.3, 0.2]), np.array([0.3, 0.3, 0.4])
    drawn = rng.choice(3, size=200_000, p=p)
    estimate = RatioSums.of(np.log(q / p)[drawn]).k3
    assert estimate == pytest.approx((p * np.log(p / q)).sum(), rel=0.02)


def test_a_token_without_a_number_counts_nowhere():
    learning = np.log(np.full((2, 3), 0.5))
    engine = np.log(np.array([[0.5, 0.25, 0.1], [0.5, 0.5, 0.1]]))
    engine[0, 0], engine[1, 1] = nan, -inf
    mask = np.array([[True, True, False], [True, True, False]])
    sums = PolicySums.of(learning, None, engine, mask)
    assert (sums.tokens, sums.logprob) == (4, pytest.approx(4 * log(0.5)))
    assert (sums.sampling.count, sums.sampling.highest) == (2, pytest.approx(2))
    assert sums.sequences.count == 2
    assert (sums.sequences.lowest, sums.sequences.highest) == pytest.approx((1, 2))
    assert sums.learning == sums.sampling
    assert sums.update.count == 0


def test_the_weights_that_sampled_are_told_from_those_that_learn():
    """Off policy the engine is compared with the old weights, the new ones with both."""
    log_p = np.log(np.array([[0.4, 0.4]]))
    mask = np.ones((1, 2), dtype=bool)
    m = series.policy_metrics(PolicySums.of(log_p + log(2), log_p, log_p - log(1.5), mask))
    assert m[series.RATIO_MEAN] == pytest.approx(1.5)
    assert m[series.SAMPLED_GAP] == pytest.approx(log(1.5))
    assert m[series.UPDATE_RATIO_MAX] == pytest.approx(2)
    assert m[series.KL_SAMPLED] == pytest.approx(3 - 1 - log(3))
    assert m[series.RATIO_ESS] == pytest.approx(1)


def test_one_completion_in_ten_that_is_foreign_takes_the_sequences_down_before_the_tokens():
    rows = np.zeros((10, 200))
    rows[0] = 0.05
    mask = np.ones(rows.shape, dtype=bool)
    m = series.policy_metrics(PolicySums.of(rows, None, rows * 0, mask))
    assert m[series.RATIO_ESS] > 0.99
    assert m[series.RATIO_ESS_SEQUENCE] == pytest.approx(0.1, abs=0.05)
    assert m[series.RATIO_MAX] == pytest.approx(exp(0.05))


@given(rows=arrays(np.float64, (6, 5), elements=st.floats(-20, 0)), cut=st.integers(0, 6))
def test_micro_batches_add_up_to_their_step(rows, cut):
    mask = np.random.default_rng(0).random(rows.shape) < 0.8
    parts = [
        PolicySums.of(r, r * 0.9, r * 1.1, m)
        for r, m in ((rows[:cut], mask[:cut]), (rows[cut:], mask[cut:]))
    ]
    whole = series.policy_metrics(PolicySums.of(rows, rows * 0.9, rows * 1.1, mask))
    assert series.policy_metrics(together(parts)) == pytest.approx(whole, abs=1e-9)


def test_of_what_was_not_recorded_nothing_is_told():
    assert series.policy_metrics(PolicySums()) == {}
    assert not np.isfinite(RatioSums().low)
    alone = PolicySums.of(np.zeros((1, 1)), None, None, np.ones((1, 1), dtype=bool))
    assert series.policy_metrics(alone) == {series.LOGPROB: 0}


# A run's own beginning

VALUES = st.lists(st.none() | st.sampled_from([0.0, nan, inf]) | st.floats(1e-6, 1e6), max_size=50)


@given(values=VALUES, factor=st.floats(0.01, 100))
def test_what_is_relative_to_the_beginning_has_no_unit(values, factor):
    scaled = [None if v is None else v * factor for v in values]
    a, b = series.relative(values), series.relative(scaled)
    assert [x is None for x in a] == [x is None for x in b]
    assert [x for x in a if x is not None] == pytest.approx([x for x in b if x is not None])


def test_the_beginning_is_the_median_of_the_first_steps_that_have_a_value():
    values = [None, 2.0, nan, 4.0, 3.0, 99.0]
    assert series.baseline(values, 3) == 3
    assert series.relative(values, 3) == [None, 2 / 3, None, 4 / 3, 1, 33]
    assert series.baseline([None]) is None
    assert series.relative([0.0, 1.0]) == [0, 2]
    assert series.relative([0.0, 0.0, 1.0]) == [None] * 3


# The machine


def test_a_child_and_its_child_count_with_their_memory_until_they_end():
    before = set(descendants(os.getpid()))
    grow = "import os,sys; b=bytearray(60_000_000); print(flush=True); sys.stdin.read()"
    code = f"import subprocess,sys; subprocess.run([sys.executable, '-c', {grow!r}])"
    with subprocess.Popen(
        [sys.executable, "-c", code], stdin=subprocess.PIPE, stdout=subprocess.PIPE
    ) as child:
        child.stdout.readline()
        new = set(descendants(os.getpid())) - before
        assert child.pid in new
        assert len(new) == 2
        now = usage()
        child.stdin.close()
        child.wait()
    assert now.children_rss > 60_000_000
    assert now.children >= 2
    assert not new & set(descendants(os.getpid()))


def test_the_usage_of_all_processes_is_one_line():
    one = Usage(
        rss=10**9, children_rss=2 * 10**9, children=3, open_files=40, available=10**10,
        gpu_allocated=10**9, gpu_reserved=3 * 10**9, gpu_peak=2 * 10**9,
    )  # fmt: skip
    two = replace(one, rss=3 * 10**9, open_files=50, gpu_peak=4 * 10**9, available=10**11)
    m = usage_metrics([one, two])
    assert m[series.RSS_GB] == 4
    assert m[series.CHILDREN_GB] == 4
    assert m[series.PROCESSES] == 8
    assert m[series.OPEN_FILES] == 50
    assert m[series.GPU_PEAK_GB] == 4
    assert m[series.AVAILABLE_GB] == 10
    assert usage_metrics([Usage()]) == {}
    assert all(series.of_machine(name) for name in m)


def test_this_process_has_memory_and_open_files():
    before = usage()
    block = np.ones(100_000_000, dtype=np.uint8)  # malloc asks the kernel for as much, always
    with Path(os.devnull).open():
        after = usage()
    assert after.rss - before.rss > 0.8 * len(block)
    assert after.open_files == before.open_files + 1
    assert 0 < after.available < 1 << 50
    assert after.gpu_peak is None


# Real runs

PARTS = (
    series.SECONDS_SAMPLING, series.SECONDS_REWARD, series.SECONDS_SCORING, series.SECONDS_UPDATE,
)  # fmt: skip


def test_log_probabilities_of_another_distribution_are_not_compared_with_the_trainers():
    written = [Completion(text="a", token_ids=(1,), logprobs=(-0.5,))]
    plain = StepSampler(config=TrainConfig(), tokenizer=None)
    assert plain.drawn_from(written) == [[-0.5]]
    for change in ({"temperature": 0.8}, {"top_p": 0.9}, {"top_k": 5}, {"min_p": 0.1}):
        config = TrainConfig(sampling=RolloutSampling(**change))
        assert StepSampler(config=config, tokenizer=None).drawn_from(written) is None
        assert VllmSampler(config=config, tokenizer=None).drawn_from(written) == [[-0.5]]


@pytest.mark.slow
def test_a_run_off_policy_tells_all_signals_and_they_agree_with_each_other(tmp_path):
    from arcbench.training.grpo import train

    config = make_config(
        save_tiny_policy(tmp_path / "model"),
        # Cut into micro-batches and shuffled, every log-probability still meets its own.
        grpo=GrpoConfig(
            num_generations=8, prompts_per_step=2, micro_batch=4, updates_per_generation=2,
            learning_rate=1e-2,
        ),
        steps=4,
        checkpoint_every=4,
    )  # fmt: skip
    lines = train(config, root=tmp_path, name="off").metrics()
    names = {name for line in lines for name in line} - {"step"}
    known = {v for k, v in vars(series).items() if k.isupper() and isinstance(v, str)}
    known |= {series.OUTCOME.format(o.value) for o in Outcome}
    known |= {series.REWARD_PART.format(part) for part in RewardBreakdown().parts}
    elsewhere = {
        series.KL, series.ENTROPY_COEF, series.IMPORTANCE_RATIO, series.SYNC_GAP, series.KEPT,
        series.KEPT_TASKS,
    }  # fmt: skip
    missing = known - names - {series.OUTCOME, series.REWARD_PART}
    assert not names - known
    assert {n for n in missing if "gpu" not in n} == elsewhere
    assert all(value is not None for line in lines for value in line.values())
    for i, m in enumerate(lines):
        assert m[series.SAMPLED_GAP_MAX] < 1e-4
        assert m[series.RATIO_ESS_SEQUENCE] == pytest.approx(1, abs=1e-6)
        assert m[series.LOGPROB] == pytest.approx(-m[series.ENTROPY], rel=0.2)
        fresh = i % 2 == 0
        assert (series.REWARD_MEAN in m) == fresh
        assert (m[series.UPDATE_RATIO_ESS] > 1 - 1e-6) == fresh
        assert (m[series.KL_SAMPLED] < 1e-6) == fresh
        parts = [m.get(name, 0) for name in PARTS]
        assert sum(parts) == pytest.approx(m[series.SECONDS_STEP])
        assert min(parts) >= 0
        assert 0 < m[series.SECONDS_SIGNALS] < m[series.SECONDS_STEP]
