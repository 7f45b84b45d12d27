# Crashes so that the machine's own collector of crashes starts and writes to disk.
# expect: OK
# needs: isolation
import ctypes

def transform(grid):
    libc = ctypes.CDLL(None, use_errno=True)
    assert libc.prctl(3, 0, 0, 0, 0) == 0, "its memory may be dumped"  # PR_GET_DUMPABLE
    assert libc.prctl(4, 1, 0, 0, 0) == -1, "its memory may be dumped again"  # PR_SET_DUMPABLE
    return grid
