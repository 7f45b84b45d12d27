# Makes an array of eighty gigabytes.
# expect: OUT_OF_MEMORY
# message: MemoryError
# outputs: none
import numpy as np

def transform(grid):
    return np.ones((10**5, 10**5))
