# Announces four gigabytes, so that a trusting reader would reserve them or wait.
# expect: DIED
# message: ended its process
# outputs: none
import os
import struct

def transform(grid):
    os.write(3, struct.pack("<BHBI", 1, 0, 0, 0xFFFFFFFF) + bytes(100))
    os._exit(0)
