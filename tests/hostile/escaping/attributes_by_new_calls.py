# Changes attributes of files by calls that are newer than most lists of them.
# expect: OK
# needs: isolation
import ctypes
import errno
import os

CALLS = {"setxattrat": 463, "removexattrat": 466, "open_tree_attr": 467, "file_setattr": 469}
REFUSED = (errno.EPERM, errno.EACCES, errno.ENOSYS, errno.EROFS)

def transform(grid):
    libc = ctypes.CDLL(None, use_errno=True)
    for name, number in CALLS.items():
        assert libc.syscall(number, -100, os.__file__.encode(), 0, 0, 0, 0) == -1, name
        assert ctypes.get_errno() in REFUSED, (name, ctypes.get_errno())
    return grid
