# Leaves a grandchild in a session of its own behind.
# expect: FORBIDDEN | OK
# needs: isolation
import ctypes
import os
import time

def transform(grid):
    if os.fork() == 0:
        ctypes.CDLL(None).prctl(15, b"left-by-a-prog", 0, 0, 0)
        os.setsid()
        if os.fork() == 0:
            time.sleep(60)
        os._exit(0)
    return grid
