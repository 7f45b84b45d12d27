# Sends signals to its worker, its group, all processes and the first one.
# expect: OK
# needs: isolation
import os
import signal

def transform(grid):
    parent = os.getppid()
    for pid in (parent, 0, -1, 1, -parent if parent > 1 else -1, os.getpid()):
        for number in (0, signal.SIGKILL, signal.SIGSTOP, signal.SIGUSR1):
            try:
                os.kill(pid, number)
            except (PermissionError, ProcessLookupError):
                continue
            raise AssertionError((pid, number))
    return grid
