# Returns a masked array, whose hidden cells are no colours.
# expect: OK | BAD_OUTPUT
# outputs: any
import numpy as np

def transform(grid):
    return np.ma.masked_equal(grid, 7, copy=False)
