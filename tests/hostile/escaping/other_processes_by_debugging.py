# Attaches to its worker as a debugger, reads its memory, takes its descriptors.
# expect: OK
# needs: isolation
import ctypes
import errno
import os

CALLS = {
    "ptrace": (101, 117), "process_vm_readv": (310, 270), "process_vm_writev": (311, 271),
    "kcmp": (312, 272), "pidfd_getfd": (438, 438), "process_madvise": (440, 440),
}

def transform(grid):
    libc, column = ctypes.CDLL(None, use_errno=True), os.uname().machine == "aarch64"
    parent = os.getppid()
    for name, numbers in CALLS.items():
        first, second = (16, parent) if name == "ptrace" else (parent, 0)
        assert libc.syscall(numbers[column], first, second, 0, 0, 0, 0) == -1, name
        assert ctypes.get_errno() in (errno.EPERM, errno.EACCES, errno.ENOSYS), (name, ctypes.get_errno())
    return grid
