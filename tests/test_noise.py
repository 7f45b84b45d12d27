"""The noise of samples: each has its own, whatever else is drawn beside it."""

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from arcbench.policies.noise import uniform

indices = st.integers(0, 2**31 - 1)
rows = st.lists(st.tuples(st.integers(0, 3), indices), min_size=1, max_size=6)


def drawn(seed: int, pairs: list[tuple[int, int]], steps: int) -> np.ndarray:
    prompts, samples = np.array(pairs, dtype=np.int64).reshape(-1, 2).T
    return uniform(seed, prompts, samples, steps)


@given(seed=st.integers(0, 2**70), pairs=rows, steps=st.integers(1, 9), more=st.integers(0, 9))
def test_the_noise_of_a_sample_depends_on_no_other_row_and_not_on_the_number_of_steps(
    seed, pairs, steps, more
):
    together = drawn(seed, pairs, steps + more)
    assert ((together >= 0) & (together < 1)).all()
    for row, pair in zip(together, pairs, strict=True):
        assert np.array_equal(row[:steps], drawn(seed, [pair], steps)[0])


def test_seeds_prompts_and_samples_have_noise_of_their_own_that_fills_the_range():
    pairs = [(prompt, sample) for prompt in range(20) for sample in range(50)]
    both = np.concatenate([drawn(seed, pairs, 8) for seed in (0, 1)])
    assert len(np.unique(both, axis=0)) == len(both)
    assert np.abs(np.corrcoef(both[:-1, 0], both[1:, 0])[0, 1]) < 0.1
    assert both.mean() == pytest.approx(0.5, abs=0.01)
    assert both.std() == pytest.approx(12**-0.5, abs=0.01)


def test_no_rows_are_no_numbers_and_a_negative_seed_is_refused_as_by_numpy():
    assert drawn(0, [], 7).shape == (0, 7)
    with pytest.raises(ValueError, match="negative"):
        drawn(-1, [(0, 0)], 7)
