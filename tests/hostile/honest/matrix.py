# Returns numpy's old matrix type.
# expect: OK
import numpy as np

def transform(grid):
    return np.asmatrix(grid)
