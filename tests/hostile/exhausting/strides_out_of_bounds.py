# Returns a grid of proper size whose cells lie far outside of its memory.
# expect: DIED | BAD_OUTPUT
# outputs: none
import numpy as np

def transform(grid):
    return np.lib.stride_tricks.as_strided(grid, (3, 3), (1 << 40, 1 << 40))
