# Returns a picture with colour channels.
# expect: BAD_OUTPUT
# message: 3 dimensions
import numpy as np

def transform(grid):
    return np.stack([grid] * 3, axis=-1)
