# Has the kernel stop its process, by a signal of a descriptor that becomes ready.
# expect: OK | TIMEOUT | FORBIDDEN
import fcntl
import os
import signal

def transform(grid):
    read, write = os.pipe()
    fcntl.fcntl(read, fcntl.F_SETOWN, os.getpid())
    fcntl.fcntl(read, 10, signal.SIGSTOP)  # F_SETSIG
    fcntl.fcntl(read, fcntl.F_SETFL, fcntl.fcntl(read, fcntl.F_GETFL) | os.O_ASYNC)
    os.write(write, b"x")
    return grid
