# Has the kernel stop every process of its group and of the worker's.
# expect: OK | FORBIDDEN | RAISED | DIED | TIMEOUT
# needs: namespaces
import fcntl
import os
import signal

def transform(grid):
    read, write = os.pipe2(os.O_NONBLOCK)
    for group in (os.getpgid(os.getppid()), os.getpgrp(), 1):
        if group > 0:
            fcntl.fcntl(read, fcntl.F_SETOWN, -group)
            fcntl.fcntl(read, 10, signal.SIGSTOP)
            fcntl.fcntl(read, fcntl.F_SETFL, os.O_NONBLOCK | os.O_ASYNC)
            os.write(write, b"x")
            os.read(read, 1)
    return grid
