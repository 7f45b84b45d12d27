# Answers the first input twice, to take back what was said.
# expect: DIED
# message: tampered
# outputs: [[0, 0], [0, 0]]; none
import os
import struct

def transform(grid):
    for cell in range(2):
        os.write(3, struct.pack("<BHBIHH", 1, 0, 0, 8, 2, 2) + bytes([cell] * 4))
    os._exit(0)
