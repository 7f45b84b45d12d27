# Replaces what the check of a returned list needs.
# expect: OK | BAD_OUTPUT | RAISED
# outputs: any
import numpy as np

np.array = lambda *args, **kwargs: np.full((3, 3), 5)

def transform(grid):
    return grid.tolist()
