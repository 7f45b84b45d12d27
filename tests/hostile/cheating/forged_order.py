# Answers the second input before the first, which would lay its grid on the wrong one.
# expect: DIED
# message: tampered
# outputs: none
import os
import struct

def transform(grid):
    for index in (1, 0):
        os.write(3, struct.pack("<BHBIHH", 1, index, 0, 8, 2, 2) + bytes(4))
    os._exit(0)
