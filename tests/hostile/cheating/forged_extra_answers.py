# Sends more answers than there are inputs.
# expect: DIED | OK
# outputs: [[0, 0], [0, 0]]
import os
import struct

def transform(grid):
    for index in range(4):
        os.write(3, struct.pack("<BHBIHH", 1, index, 0, 8, 2, 2) + bytes(4))
    os._exit(0)
