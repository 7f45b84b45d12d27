# Calls the kernel by the numbers of a third kind of program, which name the same calls again.
# expect: OK
# needs: x86_64
import ctypes

def transform(grid):
    libc = ctypes.CDLL(None, use_errno=True)
    for number in (39, 41, 57, 62, 59, 520):
        assert libc.syscall(0x40000000 | number, 1, 1, 0) == -1, number
    return grid
