# Returns an array without dimensions.
# expect: BAD_OUTPUT
# message: 0 dimensions
import numpy as np

def transform(grid):
    return np.array(7)
