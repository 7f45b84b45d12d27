# Returns the largest unsigned number, which is -1 to some.
# expect: BAD_OUTPUT
# message: colour 18446744073709551615
import numpy as np

def transform(grid):
    return np.full((2, 2), 2**64 - 1, dtype=np.uint64)
