# Reads and changes the memory and the scheduling of the programs that run beside it.
# expect: OK
# needs: namespaces
import ctypes
import errno
import os
import time

CALLS = {
    "process_vm_readv": ((310, 270), (None, 0, 0, 0, 0, 0)), "ptrace": ((101, 117), (16, None, 0, 0)),
    "sched_setattr": ((314, 274), (None, 0, 0)), "sched_setaffinity": ((203, 122), (None, 8, 0)),
    "ioprio_set": ((251, 30), (1, None, 3 << 13)), "setpriority": ((141, 140), (0, None, 19)),
    "kcmp": ((312, 272), (None, None, 0, 0, 0)), "setpgid": ((109, 154), (None, 0)),
    "migrate_pages": ((256, 238), (None, 0, 0, 0)),
}

def transform(grid):
    libc, column = ctypes.CDLL(None, use_errno=True), os.uname().machine == "aarch64"
    me, end = os.getpid(), time.monotonic() + 0.2
    while time.monotonic() < end:
        for pid in range(me + 1, me + 8):
            for name, (numbers, arguments) in CALLS.items():
                done = libc.syscall(numbers[column], *[pid if a is None else a for a in arguments])
                assert done == -1 and ctypes.get_errno() in (errno.EPERM, errno.EACCES, errno.ENOSYS, errno.ESRCH), (name, done, ctypes.get_errno())
    return grid
