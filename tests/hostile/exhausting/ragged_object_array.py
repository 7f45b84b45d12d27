# Returns an array of lists of unequal length.
# expect: BAD_OUTPUT
import numpy as np

def transform(grid):
    return np.array([[1, 2], [3]], dtype=object)
