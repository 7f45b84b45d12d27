# Returns the largest grid that there is.
# expect: OK
# outputs: any
import numpy as np

def transform(grid):
    return np.tile(np.arange(30) % 10, (30, 1))
