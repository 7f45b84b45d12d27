# Sends signals by the rarer calls.
# expect: OK
# needs: isolation
import ctypes
import errno
import os

CALLS = {
    "kill": (62, 129), "tkill": (200, 130), "tgkill": (234, 131), "rt_sigqueueinfo": (129, 138),
    "rt_tgsigqueueinfo": (297, 240), "pidfd_send_signal": (424, 424),
}

def transform(grid):
    libc, column = ctypes.CDLL(None, use_errno=True), os.uname().machine == "aarch64"
    parent = os.getppid()
    for name, numbers in CALLS.items():
        assert libc.syscall(numbers[column], parent, 0, 0, 0) == -1, name
        assert ctypes.get_errno() in (errno.EPERM, errno.EACCES, errno.ENOSYS), (name, ctypes.get_errno())
    return grid
