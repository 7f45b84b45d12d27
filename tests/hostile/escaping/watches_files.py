# Watches what others do with files.
# expect: OK
# needs: isolation
import ctypes

def transform(grid):
    libc = ctypes.CDLL(None, use_errno=True)
    fd = libc.inotify_init()
    if fd >= 0:
        for path in (b"/tmp", b"/", b"/root", b"/home", b"/etc", b"@CHECKOUT@"):
            assert libc.inotify_add_watch(fd, path, 0xFFF) < 0, path
    return grid
