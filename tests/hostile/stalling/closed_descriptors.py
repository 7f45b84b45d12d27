# Closes every descriptor, then answers.
# expect: DIED
# outputs: none
import os

def transform(grid):
    os.closerange(0, 1024)
    return grid
