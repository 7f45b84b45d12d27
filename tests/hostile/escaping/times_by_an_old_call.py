# Changes the time of a file by a call that is kept for old programs only.
# expect: OK
# needs: x86_64
import ctypes
import errno
import os

def transform(grid):
    libc = ctypes.CDLL(None, use_errno=True)
    # Its own time again, so that nothing changes where it works.
    found = os.stat(os.__file__)
    times = (ctypes.c_long * 4)(int(found.st_atime), 0, int(found.st_mtime), 0)
    assert libc.syscall(261, -100, os.__file__.encode(), times) == -1, "futimesat"
    assert ctypes.get_errno() in (errno.EPERM, errno.EACCES, errno.ENOSYS, errno.EROFS), ctypes.get_errno()
    return grid
