# Says that it is at its end before it has begun.
# expect: OK | DIED
import os
import struct

os.write(3, struct.pack("<BHBI", 4, 0, 0, 0))

def transform(grid):
    return grid
