# Makes shared memory that would outlive it.
# expect: FORBIDDEN | RAISED
# needs: isolation
from multiprocessing import shared_memory

def transform(grid):
    shared_memory.SharedMemory(name="left-by-a-program", create=True, size=1 << 20)
    return grid
