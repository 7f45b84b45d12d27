# Sends its messages byte by byte, slowly, to keep a reader waiting.
# expect: TIMEOUT
# outputs: none
import os
import struct
import time

def transform(grid):
    for byte in struct.pack("<BHBI", 3, 0, 0, 1000) + bytes(1000):
        os.write(3, bytes([byte]))
        time.sleep(0.01)
    time.sleep(60)
