# Has the kernel kill its worker, by the signal of a descriptor that becomes ready.
# expect: OK | FORBIDDEN | RAISED
# needs: namespaces
import fcntl
import os
import signal

def transform(grid):
    read, write = os.pipe()
    fcntl.fcntl(read, fcntl.F_SETOWN, os.getppid())
    fcntl.fcntl(read, 10, signal.SIGKILL)  # F_SETSIG
    fcntl.fcntl(read, fcntl.F_SETFL, fcntl.fcntl(read, fcntl.F_GETFL) | os.O_ASYNC)
    os.write(write, b"x")
    return grid
