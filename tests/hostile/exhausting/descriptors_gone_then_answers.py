# Uses all descriptors up and answers all the same.
# expect: OK
import os

def transform(grid):
    try:
        while True:
            os.pipe()
    except OSError:
        return grid
