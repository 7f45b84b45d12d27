# Forges a grid whose cells are no colours.
# expect: DIED
# message: tampered
# outputs: none
import os
import struct

def transform(grid):
    os.write(3, struct.pack("<BHBIHH", 1, 0, 0, 8, 2, 2) + bytes([77] * 4))
    os._exit(0)
