# Opens its own result pipe a second time, to read what went through it.
# expect: FORBIDDEN | RAISED
# needs: isolation
import os

def transform(grid):
    os.open("/proc/self/fd/3", os.O_RDONLY)
    return grid
