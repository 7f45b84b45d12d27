# Fills the kernel's memory with pipes of the largest size.
# expect: OK | RAISED
import fcntl
import os

def transform(grid):
    try:
        while True:
            read, write = os.pipe2(os.O_NONBLOCK)
            try:
                fcntl.fcntl(write, 1031, 1 << 20)  # F_SETPIPE_SZ
            except OSError:
                pass
            try:
                while True:
                    os.write(write, bytes(65536))
            except BlockingIOError:
                pass
    except OSError:
        return grid
