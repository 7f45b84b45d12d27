# Writes garbage past Python, by the C library.
# expect: DIED
# outputs: none
import ctypes

def transform(grid):
    ctypes.CDLL(None).write(3, bytes(range(256)), 256)
    return grid
