# Has the kernel kill the programs that run beside it, by the signal of a descriptor that becomes
# ready.
# expect: OK | FORBIDDEN | RAISED
# needs: namespaces
import fcntl
import os
import signal
import time

def transform(grid):
    read, write = os.pipe2(os.O_NONBLOCK)
    me, end = os.getpid(), time.monotonic() + 0.4
    while time.monotonic() < end:
        for pid in range(me + 1, me + 8):
            try:
                fcntl.fcntl(read, fcntl.F_SETOWN, pid)
            except ProcessLookupError:
                continue
            fcntl.fcntl(read, 10, signal.SIGKILL)  # F_SETSIG
            fcntl.fcntl(read, fcntl.F_SETFL, os.O_NONBLOCK | os.O_ASYNC)
            os.write(write, b"x")
            os.read(read, 1)
    return grid
