# Takes memory from the C library until it has no more, and touches all of it.
# expect: OUT_OF_MEMORY
# outputs: none
import ctypes

def transform(grid):
    libc = ctypes.CDLL(None)
    libc.malloc.restype = ctypes.c_void_p
    while True:
        block = libc.malloc(1 << 20)
        if not block:
            raise MemoryError
        ctypes.memset(block, 1, 1 << 20)
