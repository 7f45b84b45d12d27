# Returns an array of 10⁹ x 1 cells.
# expect: BAD_OUTPUT
# message: 1000000000x1;
import numpy as np

def transform(grid):
    return np.lib.stride_tricks.as_strided(grid, (10**9, 1), (0, 0))
