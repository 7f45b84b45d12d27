# Takes the filter of system calls off.
# expect: OK
# needs: isolation
import ctypes
import os

def transform(grid):
    libc = ctypes.CDLL(None, use_errno=True)
    assert libc.prctl(22, 0, 0, 0, 0) == -1
    assert libc.prctl(21, 0, 0, 0, 0) == 2, "no filter"
    try:
        os.fork()
    except PermissionError:
        return grid
    raise AssertionError
