# Ends its process with a number, after one answer.
# expect: DIED
# message: ended its process with code 7
# outputs: same; none
import os

def transform(grid):
    if grid.shape == (2, 2):
        os._exit(7)
    return grid
