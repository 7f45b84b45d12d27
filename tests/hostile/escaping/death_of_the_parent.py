# Asks to be spared when its worker ends, and becomes a parent of orphans.
# expect: OK | FORBIDDEN
import ctypes

def transform(grid):
    libc = ctypes.CDLL(None, use_errno=True)
    libc.prctl(1, 0, 0, 0, 0)
    libc.prctl(36, 1, 0, 0, 0)
    libc.prctl(15, b"left-by-a-prog", 0, 0, 0)
    return grid
