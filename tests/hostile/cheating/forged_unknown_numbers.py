# Sends kinds and statuses that do not exist.
# expect: DIED
# message: tampered
# outputs: none
import os
import struct

def transform(grid):
    os.write(3, struct.pack("<BHBI", 200, 60000, 255, 0))
    os._exit(0)
