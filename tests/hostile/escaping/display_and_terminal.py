# Pushes characters into the terminal of whoever started it.
# expect: OK
# needs: isolation
import fcntl
import os

def transform(grid):
    for fd in range(4):
        try:
            fcntl.ioctl(fd, 0x5412, b"x")  # TIOCSTI
        except OSError:
            continue
        raise AssertionError(fd)
    assert not any(os.isatty(fd) for fd in range(4))
    return grid
