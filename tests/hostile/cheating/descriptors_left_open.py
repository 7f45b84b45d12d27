# Counts what is open: the null device and the way back, nothing of the worker's.
# expect: OK
import os

def transform(grid):
    found = []
    for fd in range(1024):
        try:
            os.fstat(fd)
            found.append(fd)
        except OSError:
            pass
    assert found == [0, 1, 2, 3], found
    return grid
