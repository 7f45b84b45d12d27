# Returns views with negative and exchanged strides.
# expect: OK
import numpy as np

def transform(grid):
    view = grid[::-1, ::-1].T
    return np.rot90(np.rot90(view.T))
