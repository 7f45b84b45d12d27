# Returns a small view that repeats one cell.
# expect: OK
# outputs: [[1, 1, 1], [1, 1, 1]]; [[7, 7], [7, 7]]
import numpy as np

def transform(grid):
    return np.broadcast_to(grid[0, 0], grid.shape)
