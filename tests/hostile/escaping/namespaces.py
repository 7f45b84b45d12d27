# Makes or enters namespaces, in which it would be a superuser.
# expect: OK
# needs: isolation
import ctypes
import errno
import os

def transform(grid):
    libc, column = ctypes.CDLL(None, use_errno=True), os.uname().machine == "aarch64"
    for flags in (0x10000000, 0x20000, 0x40000000, 0x20000000, 0x08000000, 0x04000000, 0x02000000, 0x80, 0x200, 0x400):
        assert libc.syscall((272, 97)[column], flags) == -1, hex(flags)
        assert ctypes.get_errno() in (errno.EPERM, errno.ENOSYS), (hex(flags), ctypes.get_errno())
    assert libc.syscall((308, 268)[column], 0, 0) == -1
    assert ctypes.get_errno() in (errno.EPERM, errno.ENOSYS), ctypes.get_errno()
    return grid
