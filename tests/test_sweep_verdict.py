import json
from pathlib import Path

import numpy as np
import pytest
from hypothesis import assume, given, settings
from hypothesis import strategies as st

from arcbench.training.sweep_course import course
from arcbench.training.sweep_verdict import (
    MIN_STEPS,
    Verdict,
    judge_course,
    judge_run,
    judge_seeds,
)

# Runs of the embedded policy on task 67a3c6ac, 16 completions a step; reward arc25-v2.
RECORDED = json.loads((Path(__file__).parent / "sweep_runs.json").read_text())
FLOOR = -1.0
some = settings(max_examples=40)


def lines(rewards, **more):
    """Lines of metrics.jsonl with these rewards; more: another metric, one value or one a step."""
    return [
        {"step": float(i + 1), "reward/mean": float(r)}
        | {k: v[i] if isinstance(v, list) else v for k, v in more.items()}
        for i, r in enumerate(rewards)
    ]


def verdict(rewards, floor=FLOOR):
    return judge_course(course(np.asarray(rewards, dtype=float)), floor=floor).verdict


def noisy(levels, sigma, seed):
    return np.asarray(levels) + np.random.default_rng(seed).normal(0, sigma, len(levels))


steps = st.integers(MIN_STEPS, 200)
seeds = st.integers(0, 2**32 - 1)
whole = st.lists(st.integers(-8, 64), min_size=MIN_STEPS, max_size=60)


@pytest.mark.parametrize("rate", RECORDED)
def test_recorded_runs_get_the_verdict_that_their_curve_shows(rate):
    run = RECORDED[rate]
    assert judge_run(run["metrics"], floor=FLOOR, completions=16).verdict == run["verdict"]


@some
@given(steps, st.floats(-10, 10))
def test_a_constant_reward_is_flat(n, level):
    assert verdict([level] * n, floor=-10.0) is Verdict.FLAT


@some
@given(st.integers(12, 200), seeds, st.floats(0.1, 100))
def test_a_clear_rise_is_learning(n, seed, rise):
    rewards = noisy(np.linspace(0, rise, n), rise / 30, seed)
    assert verdict(rewards, floor=-rise) is Verdict.LEARNING


@some
@given(st.integers(12, 200), seeds, st.integers(1, 4))
def test_a_rise_within_the_first_steps_is_learning_too(n, seed, at):
    levels = [3.0] * at + [9.0] * (n - at)
    assert verdict(noisy(levels, 0.3, seed)) is Verdict.LEARNING


@some
@given(st.integers(12, 200), seeds, st.floats(0.02, 1))
def test_a_fall_to_the_floor_is_destroyed_whenever_it_comes(n, seed, share):
    kept = max(1, round(share * (n - 6 - n // 10)))
    levels = [3.0] * kept + [FLOOR] * (n - kept)
    assert verdict(noisy(levels, 0.2, seed)) is Verdict.DESTROYED


@some
@given(st.integers(30, 200), seeds)
def test_a_deep_dip_that_recovers_is_unstable(n, seed):
    levels = np.r_[
        np.linspace(0, 8, n // 2), np.full(n // 4, 1.0), np.full(n - n // 2 - n // 4, 8.0)
    ]
    assert verdict(noisy(levels, 0.3, seed)) is Verdict.UNSTABLE


@some
@given(st.integers(30, 200), seeds)
def test_what_was_gained_and_lost_again_is_unstable(n, seed):
    levels = np.r_[np.linspace(3, 8, n // 2), np.linspace(8, 3, n - n // 2)]
    assert verdict(noisy(levels, 0.2, seed)) is Verdict.UNSTABLE


@some
@given(st.integers(20, 200), seeds)
def test_a_slow_loss_of_a_part_is_unstable(n, seed):
    assert verdict(noisy(np.linspace(8, 6, n), 0.1, seed)) is Verdict.UNSTABLE


@some
@given(whole, st.integers(-4, 10), st.integers(-64, 64))
def test_neither_the_scale_nor_the_zero_of_rewards_matters(rewards, power, shift):
    # Powers of two and small whole numbers: nothing is rounded.
    other = [(r + shift) * 2.0**power for r in rewards]
    assert verdict(rewards, floor=-8.0) is verdict(other, floor=(shift - 8) * 2.0**power)


@some
@given(whole, st.permutations(range(3)), st.lists(whole, min_size=2, max_size=2))
def test_the_order_of_seeds_does_not_matter(first, order, more):
    runs = [lines(r) for r in (first, *more)]
    same = judge_seeds([runs[i] for i in order], floor=-8.0, completions=16)
    assert judge_seeds(runs, floor=-8.0, completions=16).verdict is same.verdict


@some
@given(whole, st.integers(1, 4))
def test_seeds_that_say_the_same_are_one(rewards, n):
    run = lines(rewards)
    assert (
        judge_seeds([run] * n, floor=-8.0, completions=16).verdict
        is judge_run(run, floor=-8.0, completions=16).verdict
    )


@some
@given(st.integers(10, 60), st.data())
def test_one_lucky_completion_is_neither_learning_nor_its_absence_a_loss(n, data):
    # 16 completions a step that earn 0, and one of the run that earns 8.
    at = data.draw(st.integers(0, n - 1))
    rewards = [0.5 if i == at else 0.0 for i in range(n)]
    spread = [8 * (15 / 256) ** 0.5 if i == at else 0.0 for i in range(n)]
    run = lines(rewards, **{"reward/std": spread})
    assert judge_run(run, floor=FLOOR, completions=16).verdict is Verdict.FLAT


@pytest.mark.parametrize("n", [10, 15, 30, 100, 300])
def test_pure_noise_is_seldom_anything_but_flat(n):
    rng = np.random.default_rng(n)
    wrong = sum(verdict(rng.normal(3, 1, n)) is not Verdict.FLAT for _ in range(400))
    assert wrong <= 12  # 3 %


def test_a_few_steps_are_undecided():
    found = judge_run(lines([3.0] * (MIN_STEPS - 1)), floor=FLOOR, completions=16)
    assert found.verdict is Verdict.UNDECIDED
    assert str(MIN_STEPS) in found.evidence
    assert judge_run([], floor=FLOOR, completions=16).first is None
    assert judge_seeds([], floor=FLOOR, completions=16).verdict is Verdict.UNDECIDED


def test_a_loss_that_is_no_number_is_destroyed_at_once():
    run = lines([3.0, 3.0], **{"train/loss": [0.1, None]})
    found = judge_run(run, floor=FLOOR, completions=16)
    assert found.verdict is Verdict.DESTROYED
    assert "step 2" in found.evidence


@pytest.mark.parametrize(
    ("name", "values", "word"),
    [
        ("length/truncated", [0.1] + [1.0] * 11, "cut"),
        ("outcome/no_code", [0.1] + [0.95] * 11, "no program"),
        ("policy/entropy", [0.5] + [5.0] * 11, "entropy"),
        ("policy/entropy", [0.5] + [0.001] * 11, "entropy"),
    ],
)
def test_a_policy_that_writes_nothing_useful_any_more_is_destroyed_though_its_reward_was_low(
    name, values, word
):
    # The reward was next to the floor from the beginning: it cannot tell.
    rewards = [-0.8, *[-1.0, -0.9] * 5, -1.0]
    assert judge_run(lines(rewards), floor=FLOOR, completions=16).verdict is Verdict.FLAT
    found = judge_run(lines(rewards, **{name: values}), floor=FLOOR, completions=16)
    assert found.verdict is Verdict.DESTROYED
    assert word in found.evidence


def test_entropy_that_vanishes_because_the_task_is_solved_is_learning():
    rewards = np.linspace(3, 9, 20)
    entropy = list(np.geomspace(0.5, 1e-4, 20))
    run = lines(rewards, **{"policy/entropy": entropy, "length/truncated": 0.0})
    assert judge_run(run, floor=FLOOR, completions=16).verdict is Verdict.LEARNING


def test_completions_that_were_always_cut_are_no_ruin():
    assert judge_run(
        lines([3.0] * 12, **{"length/truncated": 1.0}), floor=FLOOR, completions=16
    ).verdict is (Verdict.FLAT)


def test_seeds_that_disagree_are_unstable_and_tell_how_many():
    up, down, level = np.linspace(3, 9, 20), [3.0] * 5 + [-1.0] * 15, [3.0] * 20
    found = judge_seeds([lines(up), lines(down), lines(up)], floor=FLOOR, completions=16)
    assert found.verdict is Verdict.UNSTABLE
    assert "1 of 3 seeds destroyed" in found.evidence
    assert judge_seeds([lines(down)] * 2, floor=FLOOR, completions=16).verdict is Verdict.DESTROYED
    found = judge_seeds([lines(up), lines(level), lines(up)], floor=FLOOR, completions=16)
    assert found.verdict is Verdict.LEARNING
    assert "2 of 3 seeds learn" in found.evidence


def test_seeds_together_show_what_each_alone_does_not():
    runs = [lines(noisy(np.linspace(3, 4.5, 30), 1.0, seed)) for seed in range(9)]
    alone = [judge_run(r, floor=FLOOR, completions=16).verdict for r in runs]
    assert Verdict.FLAT in alone
    assert Verdict.LEARNING in alone
    assert judge_seeds(runs, floor=FLOOR, completions=16).verdict is Verdict.LEARNING


@some
@given(st.lists(st.floats(-1e3, 1e3), min_size=3, max_size=60))
def test_the_shift_that_is_told_is_made_of_the_series_own_means(rewards):
    x = np.asarray(rewards)
    assume(len(x) >= 3)
    s = course(x).strongest()
    assert s.first == pytest.approx(x[: s.begin].mean())
    assert s.last == pytest.approx(x[-s.end :].mean())
    assert s.begin + s.end <= len(x)
