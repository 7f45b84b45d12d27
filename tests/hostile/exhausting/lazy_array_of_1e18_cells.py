# Returns an array of 10⁹ x 10⁹ cells that takes eight bytes.
# expect: BAD_OUTPUT
# message: 1000000000x1000000000
import numpy as np

def transform(grid):
    return np.broadcast_to(grid[:1, :1], (10**9, 10**9))
