# Returns cells that are records with a thousand fields, whose type alone is long.
# expect: BAD_OUTPUT
# message: its cells are of type
import numpy as np

def transform(grid):
    return np.zeros((2, 2), dtype=[(f"field_{i}", "i1") for i in range(1000)])
