# Mounts, moves and unmounts file systems, and changes its root.
# expect: OK
# needs: isolation
import ctypes
import errno
import os

CALLS = {
    "mount": (165, 40), "umount2": (166, 39), "pivot_root": (155, 41), "chroot": (161, 51),
    "move_mount": (429, 429), "fsopen": (430, 430), "fsmount": (432, 432),
    "open_tree": (428, 428), "mount_setattr": (442, 442), "quotactl": (179, 60),
    "swapon": (167, 224), "swapoff": (168, 225),
}

def transform(grid):
    libc, column = ctypes.CDLL(None, use_errno=True), os.uname().machine == "aarch64"
    for name, numbers in CALLS.items():
        assert libc.syscall(numbers[column], b"/tmp", b"/tmp", b"tmpfs", 0, 0) == -1, name
        assert ctypes.get_errno() in (errno.EPERM, errno.EACCES, errno.ENOSYS), (name, ctypes.get_errno())
    return grid
