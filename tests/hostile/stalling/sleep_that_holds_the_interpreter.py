# Sleeps in C without letting go of the interpreter's lock.
# expect: TIMEOUT
# outputs: none
import ctypes

def transform(grid):
    ctypes.PyDLL(None).sleep(60)
    return grid
