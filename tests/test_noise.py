"""The noise of many samples at once is that of numpy's own generators."""

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from arcbench.policies.noise import uniform

indices = st.integers(0, 2**32 - 1)


@given(
    seed=st.integers(0, 2**130),
    pairs=st.lists(st.tuples(indices, indices), min_size=1, max_size=5),
    steps=st.integers(1, 70),
)
def test_every_row_has_the_numbers_of_a_generator_of_its_own(seed, pairs, steps):
    prompts, samples = np.array(pairs).T
    want = [np.random.default_rng([seed, *p]).random(steps, dtype=np.float32) for p in pairs]
    assert np.array_equal(uniform(seed, prompts, samples, steps), want)


def test_rows_of_several_pieces_stand_in_order():
    prompts = np.repeat(np.arange(40), 100)
    samples = np.tile(np.arange(100), 40)
    whole = uniform(3, prompts, samples, 300)
    for row in (0, 873, 874, 1747, 3999):
        rng = np.random.default_rng([3, prompts[row], samples[row]])
        assert np.array_equal(whole[row], rng.random(300, dtype=np.float32))


def test_no_rows_are_no_numbers_and_a_negative_seed_is_refused_as_by_numpy():
    none = np.array([], dtype=np.int64)
    assert uniform(0, none, none, 7).shape == (0, 7)
    with pytest.raises(ValueError, match="-1"):
        uniform(-1, none, none, 7)
