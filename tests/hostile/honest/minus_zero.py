# Returns floats among which is a zero below zero.
# expect: OK
import numpy as np

def transform(grid):
    return np.where(grid == 0, -0.0, grid)
