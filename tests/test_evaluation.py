from itertools import combinations, pairwise
from math import isfinite

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from scipy.stats import binomtest

from arcbench.errors import UserError
from arcbench.evaluation import TaskCount, evaluate_counts, pass_at_k
from arcbench.evaluation.pass_at_k import (
    FEW_TASKS,
    bootstrap_means,
    curve_ks,
    doubtful,
    pass_at_ks,
    wilson,
)

counts_of_tasks = st.lists(
    st.integers(1, 60).flatmap(lambda n: st.tuples(st.just(n), st.integers(0, n))), min_size=1,
    max_size=16,
)  # fmt: skip
many_samples = st.integers(1, 100_000).flatmap(
    lambda n: st.tuples(st.just(n), st.integers(0, n), st.integers(1, n))
)


def rng():
    return np.random.default_rng(0)


def as_counts(cases):
    return {f"t{i}": TaskCount(samples=n, solved=c) for i, (n, c) in enumerate(cases)}


@given(
    st.integers(1, 8).flatmap(lambda n: st.tuples(st.just(n), st.integers(0, n), st.integers(1, n)))
)
def test_pass_at_k_is_the_share_of_draws_with_a_right_one(case):
    samples, solved, k = case
    draws = list(combinations(range(samples), k))
    expected = sum(any(i < solved for i in draw) for draw in draws) / len(draws)
    assert pass_at_k(samples, solved, k) == pytest.approx(expected)
    assert pass_at_ks([TaskCount(samples=samples, solved=solved)], [k]) == pytest.approx(expected)


@settings(max_examples=60)
@given(many_samples)
def test_pass_at_k_is_a_chance_that_grows_with_k_and_with_what_is_solved(case):
    samples, solved, k = case
    at_k = pass_at_k(samples, solved, k)
    assert 0 <= at_k <= 1
    assert solved / samples <= at_k * (1 + 1e-12)
    if k < samples:
        assert pass_at_k(samples, solved, k + 1) >= at_k * (1 - 1e-12)
    if solved < samples:
        assert pass_at_k(samples, solved + 1, k) >= at_k * (1 - 1e-12)


@settings(max_examples=40)
@given(many_samples)
def test_all_tasks_at_once_have_the_same_pass_at_k_as_one_by_one(case):
    samples, solved, k = case
    ks = sorted({1, k, samples})
    (found,) = pass_at_ks([TaskCount(samples=samples, solved=solved)], ks)
    assert found == pytest.approx([pass_at_k(samples, solved, k) for k in ks], rel=1e-9, abs=1e-15)


def test_small_chances_keep_their_digits_with_100_000_samples():
    # One right sample of n is among k with chance k/n exactly.
    assert pass_at_k(100_000, 1, 3) == pytest.approx(3e-5, rel=1e-12)
    assert pass_at_ks([TaskCount(samples=100_000, solved=1)], [3]) == pytest.approx(3e-5, rel=1e-12)


def test_pass_at_k_is_right_on_average():
    generator = np.random.default_rng(1)
    chance, samples, k, times = 0.07, 12, 5, 20_000
    solved = generator.binomial(samples, chance, times)
    found = pass_at_ks([TaskCount(samples=samples, solved=int(c)) for c in solved], [k])[:, 0]
    truth = 1 - (1 - chance) ** k
    assert abs(found.mean() - truth) < 4 * found.std() / times**0.5
    naive = 1 - (1 - solved / samples) ** k  # the estimate that one would write down first
    assert abs(naive.mean() - truth) > 8 * naive.std() / times**0.5


def test_a_task_without_samples_counts_as_unsolved():
    counts = {"a": TaskCount(samples=4, solved=4), "b": TaskCount(samples=0, solved=0)}
    (result,) = evaluate_counts(counts, [1], rng())
    assert result.value == 0.5
    assert result.low <= 0.5 <= result.high


def test_k_beyond_the_samples_is_refused():
    with pytest.raises(UserError, match=r"k must be between 1 and .* \(4\), not 8"):
        evaluate_counts({"a": TaskCount(samples=4, solved=1)}, [8], rng())


@settings(max_examples=40)
@given(counts_of_tasks)
def test_the_interval_contains_the_figure_and_the_curve_never_falls(cases):
    least = min(n for n, _ in cases)
    curve = evaluate_counts(as_counts(cases), curve_ks(least), rng(), resamples=200)
    assert all(0 <= p.low <= p.value <= p.high <= 1 for p in curve)
    for a, b in pairwise(curve):
        assert b.value >= a.value - 1e-12
        if len(cases) >= FEW_TASKS and a.value > 0 and b.value < 1:
            assert b.low >= a.low - 1e-12
            assert b.high >= a.high - 1e-12


@pytest.mark.parametrize("tasks", [12, 100])
def test_the_interval_over_tasks_has_the_truth_in_it_about_as_often_as_it_says(tasks):
    generator = np.random.default_rng(2)
    inside, times, truth = 0, 200, 0.2  # the mean of Beta(0.5, 2)
    for _ in range(times):
        rates = generator.beta(0.5, 2, tasks)
        counts = [TaskCount(samples=16, solved=int(generator.binomial(16, r))) for r in rates]
        named = {str(i): c for i, c in enumerate(counts)}
        (found,) = evaluate_counts(named, [1], generator, resamples=400)
        inside += found.low <= truth <= found.high
    assert 0.91 <= inside / times <= 0.99


@pytest.mark.parametrize(("solved", "bound"), [(0, "high"), (8, "low")])
def test_tasks_that_all_fail_or_all_succeed_prove_no_certainty(solved, bound):
    counts = as_counts([(8, solved)] * 20)
    (found,) = evaluate_counts(counts, [1], rng())
    low, high = wilson(20 if solved else 0, 20)
    assert getattr(found, bound) == (high if bound == "high" else low)
    assert found.high - found.low == pytest.approx(0.161, abs=0.001)


def test_the_interval_of_one_task_is_that_of_its_samples():
    one, eight = evaluate_counts(as_counts([(32, 4)]), [1, 8], rng())
    assert (one.low, one.high) == pytest.approx(wilson(4, 32))
    assert eight.low == pytest.approx(1 - (1 - wilson(4, 32)[0]) ** 8)
    assert "1 task)" in str(one)


def test_the_interval_of_few_tasks_is_that_of_their_samples_and_narrows_with_them():
    # Three equal rates in a bootstrap over tasks would have no interval at all.
    few, many = (evaluate_counts(as_counts([(n, n // 4)] * 3), [1], rng())[0] for n in (8, 800))
    assert few.low < 0.15 < 0.44 < few.high
    assert 0.23 < many.low < 0.25 < many.high < 0.27


@given(st.integers(1, 5000).flatmap(lambda n: st.tuples(st.just(n), st.integers(0, n))))
def test_the_interval_of_a_pass_rate_is_wilsons(case):
    samples, solved = case
    expected = binomtest(solved, samples).proportion_ci(method="wilson")
    assert wilson(solved, samples) == pytest.approx((expected.low, expected.high), abs=1e-12)


@pytest.mark.parametrize("at_a_time", [1, 150, 1999])
def test_what_is_resampled_does_not_depend_on_how_much_is_held_in_memory(at_a_time):
    values = np.random.default_rng(3).random((50, 2))
    whole = bootstrap_means(values, rng(), resamples=40)
    parts = bootstrap_means(values, rng(), resamples=40, at_a_time=at_a_time)
    assert parts == pytest.approx(whole)


def test_an_interval_does_not_depend_on_the_other_ks_that_are_asked_for():
    counts = as_counts([(64, i % 30) for i in range(50)])
    _, among, _ = evaluate_counts(counts, [1, 8, 64], rng())
    (alone,) = evaluate_counts(counts, [8], rng())
    assert (among.low, among.high) == pytest.approx((alone.low, alone.high))


@given(st.integers(0, 100_000))
def test_the_ks_of_a_curve_go_from_one_to_all_samples_through_the_powers_of_two(samples):
    ks = curve_ks(samples)
    assert ks == sorted(set(ks))
    assert len(ks) <= 48 + 17
    if samples:
        assert (ks[0], ks[-1]) == (1, samples)
        assert {2**i for i in range(17) if 2**i <= samples} <= set(ks)


def test_a_k_that_a_task_has_not_samples_for_is_left_out_and_named():
    counts = as_counts([(16, 3), (7, 0), (0, 0)])
    kept, told = doubtful(counts, [1, 2, 8])
    assert kept == [1, 2]
    assert told[0] == "pass@8 is left out: 1 of 3 tasks have fewer than 8 samples"
    assert all(isfinite(p.value) for p in evaluate_counts(counts, kept, rng()))


@pytest.mark.parametrize(("k", "warned"), [(1, False), (4, False), (5, True)])
def test_a_k_above_a_quarter_of_the_samples_is_warned_of(k, warned):
    _, told = doubtful(as_counts([(16, 3)]), [k])
    assert bool(told) == warned
