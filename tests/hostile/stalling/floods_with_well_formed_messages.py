# Sends printed text past the limit of what is kept, in messages of one byte.
# expect: DIED
# message: flooded
# outputs: none
import os
import struct

def transform(grid):
    message = struct.pack("<BHBI", 3, 0, 0, 1) + b"x"
    while True:
        os.write(3, message * 1000)
