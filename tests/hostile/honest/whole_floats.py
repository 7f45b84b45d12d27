# Returns floats that are whole numbers.
# expect: OK
import numpy as np

def transform(grid):
    return grid / 1.0 if grid.shape == (2, 2) else grid.astype(np.float32)
