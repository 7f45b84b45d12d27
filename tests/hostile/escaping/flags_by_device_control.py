# Sets flags of a file through a descriptor that is open for reading only.
# expect: OK
# needs: isolation
import fcntl
import os
import struct

def transform(grid):
    with open(os.__file__) as file:
        try:
            flags = fcntl.ioctl(file, 0x80086601, bytes(8))  # FS_IOC_GETFLAGS
        except OSError:
            flags = bytes(8)
        try:
            fcntl.ioctl(file, 0x40086602, flags)  # FS_IOC_SETFLAGS, to what they are
        except OSError:
            return grid
    raise AssertionError("flags set")
