# Calls the kernel by the door for 32-bit programs, whose numbers mean other calls.
# expect: DIED | OK | FORBIDDEN
# needs: x86_64
import ctypes
import mmap

# mov eax, 20 (getpid of 32-bit programs); int 0x80; ret
CODE = b"\xb8\x14\x00\x00\x00\xcd\x80\xc3"

def transform(grid):
    page = mmap.mmap(-1, 4096, prot=7)
    page.write(CODE)
    address = ctypes.addressof(ctypes.c_char.from_buffer(page))
    found = ctypes.CFUNCTYPE(ctypes.c_int)(address)()
    assert found < 0, "a system call that no filter saw"
    return grid
