# Overwrites the interpreter's cached integer 5 with 6, in memory that it shares with others.
# expect: OK | BAD_OUTPUT | RAISED | DIED | TIMEOUT
# outputs: any
import ctypes

def transform(grid):
    ctypes.memmove(id(5) + 24, bytes([6]), 1)
    return grid
