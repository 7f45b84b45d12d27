# Asks the kernel itself for all that has to do with sockets.
# expect: OK
# needs: isolation
import ctypes
import errno
import os

CALLS = {
    "socket": (41, 198), "socketpair": (53, 199), "connect": (42, 203), "bind": (49, 200),
    "listen": (50, 201), "accept": (43, 202), "accept4": (288, 242),
}

def transform(grid):
    libc, column = ctypes.CDLL(None, use_errno=True), os.uname().machine == "aarch64"
    for name, numbers in CALLS.items():
        assert libc.syscall(numbers[column], 1, 1, 0) == -1, name
        assert ctypes.get_errno() in (errno.EPERM, errno.EACCES, errno.ENOSYS), (name, ctypes.get_errno())
    return grid
