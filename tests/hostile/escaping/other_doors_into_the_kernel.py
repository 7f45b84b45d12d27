# Knocks on doors of the kernel that few programs know and that take from what all share.
# expect: OK
# needs: isolation
import ctypes
import errno
import os

CALLS = {
    "io_setup": (206, 0), "migrate_pages": (256, 238), "move_pages": (279, 239),
    "process_mrelease": (448, 448), "kexec_file_load": (320, 294),
}

def transform(grid):
    libc, column = ctypes.CDLL(None, use_errno=True), os.uname().machine == "aarch64"
    open_doors = []
    for name, numbers in CALLS.items():
        done = libc.syscall(numbers[column], 0, 0, 0, 0, 0)
        if done != -1 or ctypes.get_errno() not in (errno.EPERM, errno.EACCES, errno.ENOSYS):
            open_doors.append((name, done, ctypes.get_errno()))
    assert not open_doors, open_doors
    return grid
