# Forges a grid with more cells than its shape says.
# expect: DIED
# message: tampered
# outputs: none
import os
import struct

def transform(grid):
    os.write(3, struct.pack("<BHBIHH", 1, 0, 0, 8, 1, 2) + bytes(4))
    os._exit(0)
