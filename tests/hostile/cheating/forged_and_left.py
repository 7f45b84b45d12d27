# Writes well-formed results of its own making and ends before the driver answers: what it says
# counts as its answer, which is as wrong as if it had returned it.
# expect: OK
# outputs: [[9, 9], [9, 9]]
import os
import struct

def transform(grid):
    for index in range(2):
        os.write(3, struct.pack("<BHBIHH", 1, index, 0, 8, 2, 2) + bytes([9] * 4))
    os._exit(0)
