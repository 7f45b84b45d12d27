# Forges a grid without even a shape.
# expect: DIED
# message: tampered
# outputs: none
import os
import struct

def transform(grid):
    os.write(3, struct.pack("<BHBI", 1, 0, 0, 0))
    os._exit(0)
