# Returns lists whose cells are numbers of different types of numpy.
# expect: OK
import numpy as np

def transform(grid):
    kinds = (np.int8, np.uint8, np.int32, np.float64, int)
    return [[kinds[j % 5](cell) for j, cell in enumerate(row)] for row in grid]
