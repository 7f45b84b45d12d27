# Follows a null pointer.
# expect: DIED
# message: SIGSEGV
# outputs: none
import ctypes

def transform(grid):
    ctypes.string_at(0)
    return grid
