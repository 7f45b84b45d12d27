# Stops its own process, so that it never ends by itself.
# expect: FORBIDDEN | TIMEOUT
# outputs: none
import os
import signal

def transform(grid):
    os.kill(os.getpid(), signal.SIGSTOP)
    return grid
