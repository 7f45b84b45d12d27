# Forges a grid of 65535 x 65535 cells that it does not send.
# expect: DIED
# message: tampered
# outputs: none
import os
import struct

def transform(grid):
    os.write(3, struct.pack("<BHBIHH", 1, 0, 0, 4, 65535, 65535))
    os._exit(0)
