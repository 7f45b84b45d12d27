# Draws random numbers in four ways; they are seeded.
# expect: OK
import random
import numpy as np

def transform(grid):
    random.seed(0)
    np.random.seed(0)
    random.shuffle(list(range(9)))
    assert 0 <= random.randint(0, 9) <= 9 and 0 <= np.random.randint(10) <= 9
    assert np.random.default_rng(7).integers(10) < 10
    assert np.random.choice([1, 2]) in (1, 2) and np.random.RandomState(3).rand() < 1
    return grid
