# Returns an array in the order of columns.
# expect: OK
import numpy as np

def transform(grid):
    return np.asfortranarray(grid)
