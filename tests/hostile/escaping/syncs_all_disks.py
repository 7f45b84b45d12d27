# Has the kernel write all of the machine's files to disk, over and over, which no signal ends.
# expect: OK
# needs: isolation
import ctypes
import errno
import os

CALLS = {"sync": (162, 81), "syncfs": (306, 267)}

def transform(grid):
    libc, column = ctypes.CDLL(None, use_errno=True), os.uname().machine == "aarch64"
    with open(os.__file__) as file:
        done = [name for name, numbers in CALLS.items()
                if libc.syscall(numbers[column], file.fileno()) == 0
                or ctypes.get_errno() not in (errno.EPERM, errno.EACCES, errno.ENOSYS)]
    assert not done, done
    return grid
