# Makes queues, semaphores and shared memory of both kinds.
# expect: OK
# needs: isolation
import ctypes
import errno
import os

CALLS = {"shmget": (29, 194), "semget": (64, 190), "msgget": (68, 186), "mq_open": (240, 180)}

def transform(grid):
    libc, column = ctypes.CDLL(None, use_errno=True), os.uname().machine == "aarch64"
    for name, numbers in CALLS.items():
        assert libc.syscall(numbers[column], 0, 0x1000, 0o1666) == -1, name
        assert ctypes.get_errno() in (errno.EPERM, errno.EACCES, errno.ENOSYS), (name, ctypes.get_errno())
    assert not ctypes.CDLL(None).sem_open(b"/left-by-a-program", os.O_CREAT, 0o666, 1)
    return grid
