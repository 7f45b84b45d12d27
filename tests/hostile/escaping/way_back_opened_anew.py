# Opens its own result pipe a second time, to take back what went through it: that harms nobody else.
# expect: OK | DIED | FORBIDDEN | RAISED
import os

def transform(grid):
    pipe = os.open("/proc/self/fd/3", os.O_RDONLY | os.O_NONBLOCK)
    if grid.shape == (2, 2):
        os.read(pipe, 1 << 16)
    return grid
