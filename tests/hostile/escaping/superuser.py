# Becomes another user, or takes back what a superuser may do.
# expect: OK
# needs: isolation
import ctypes
import os

def transform(grid):
    for attempt in (lambda: os.setuid(1234), lambda: os.setgid(1234), lambda: os.setgroups([0, 1]),
                    lambda: os.setresuid(1234, 1234, 1234), lambda: os.nice(-10), lambda: os.chroot("/tmp")):
        try:
            attempt()
        except OSError:  # not allowed, or no such user in its namespace
            continue
        raise AssertionError(attempt)
    libc = ctypes.CDLL(None, use_errno=True)
    header = (ctypes.c_uint32 * 2)(0x20080522, 0)
    everything = (ctypes.c_uint32 * 6)(*[0xFFFFFFFF] * 6)
    assert libc.capset(header, everything) == -1
    assert libc.prctl(39, 0, 0, 0, 0) == 1, "new privileges"
    return grid
