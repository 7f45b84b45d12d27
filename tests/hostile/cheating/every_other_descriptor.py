# Writes garbage to every descriptor but its own, in search of the worker's socket.
# expect: OK
import os

def transform(grid):
    for fd in [*range(3), *range(4, 256)]:
        try:
            os.write(fd, bytes(64))
        except OSError:
            pass
    return grid
