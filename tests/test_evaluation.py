from itertools import combinations

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from arcbench.errors import UserError
from arcbench.evaluation import TaskCount, evaluate_counts, pass_at_k


@given(
    st.integers(1, 8).flatmap(lambda n: st.tuples(st.just(n), st.integers(0, n), st.integers(1, n)))
)
def test_pass_at_k_is_the_share_of_draws_with_a_right_one(case):
    samples, solved, k = case
    draws = list(combinations(range(samples), k))
    expected = sum(any(i < solved for i in draw) for draw in draws) / len(draws)
    assert pass_at_k(samples, solved, k) == pytest.approx(expected)


def test_a_task_without_samples_counts_as_unsolved():
    counts = {"a": TaskCount(samples=4, solved=4), "b": TaskCount(samples=0, solved=0)}
    (result,) = evaluate_counts(counts, [1], np.random.default_rng(0))
    assert result.value == 0.5
    assert result.low <= 0.5 <= result.high


def test_k_beyond_the_samples_is_refused():
    with pytest.raises(UserError, match=r"k must be between 1 and .* \(4\), not 8"):
        evaluate_counts({"a": TaskCount(samples=4, solved=1)}, [8], np.random.default_rng(0))
