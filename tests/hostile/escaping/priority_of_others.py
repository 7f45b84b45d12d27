# Lowers the priority of its worker, in all the ways that there are.
# expect: OK
# needs: isolation
import ctypes
import errno
import os

CALLS = {
    "setpriority": ((141, 140), (0, None, 19)), "sched_setscheduler": ((144, 119), (None, 5, 0)),
    "sched_setparam": ((142, 118), (None, 0)), "sched_setattr": ((314, 274), (None, 0, 0)),
    "sched_setaffinity": ((203, 122), (None, 8, 0)), "ioprio_set": ((251, 30), (1, None, 3 << 13)),
}

def transform(grid):
    libc, column = ctypes.CDLL(None, use_errno=True), os.uname().machine == "aarch64"
    for name, (numbers, arguments) in CALLS.items():
        arguments = [os.getppid() if a is None else a for a in arguments]
        assert libc.syscall(numbers[column], *arguments) == -1, name
        assert ctypes.get_errno() in (errno.EPERM, errno.EACCES, errno.ENOSYS, errno.ESRCH), (name, ctypes.get_errno())
    return grid
