# Returns a part of a larger array that does not lie in one piece.
# expect: OK
import numpy as np

def transform(grid):
    big = np.full((9, 9), 5)
    rows, columns = grid.shape
    big[1:1 + 2 * rows:2, 2:2 + 2 * columns:2] = grid
    return big[1:1 + 2 * rows:2, 2:2 + 2 * columns:2]
