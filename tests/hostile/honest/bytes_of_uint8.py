# Returns eight bits without sign.
# expect: OK
import numpy as np

def transform(grid):
    return grid.astype(np.uint8)
