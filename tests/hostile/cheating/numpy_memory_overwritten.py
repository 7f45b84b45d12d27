# Overwrites the method table of numpy's array type, which the driver uses too.
# expect: OK | BAD_OUTPUT | RAISED | DIED | TIMEOUT
# outputs: any
import ctypes
import numpy as np

def transform(grid):
    ctypes.memset(id(np.ndarray) + 200, 0, 64)
    return grid
