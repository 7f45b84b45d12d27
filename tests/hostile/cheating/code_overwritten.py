# Makes code of the C library writable and overwrites a function that all processes use.
# expect: OK | FORBIDDEN | RAISED
# outputs: any
import ctypes
import mmap

def transform(grid):
    libc = ctypes.CDLL(None, use_errno=True)
    libc.mprotect.argtypes = [ctypes.c_void_p, ctypes.c_size_t, ctypes.c_int]
    address = ctypes.cast(libc.labs, ctypes.c_void_p).value
    page = address // mmap.PAGESIZE * mmap.PAGESIZE
    if libc.mprotect(page, 2 * mmap.PAGESIZE, 7) != 0:
        raise PermissionError("code stays as it is")
    ctypes.memset(address, 0xCC, 4)
    return grid
