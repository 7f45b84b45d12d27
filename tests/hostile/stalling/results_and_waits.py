# Forges its results and says that it is done, but does not end.
# expect: OK
# outputs: [[9, 9], [9, 9]]
import os
import struct
import time

def transform(grid):
    for index in range(2):
        os.write(3, struct.pack("<BHBIHH", 1, index, 0, 8, 2, 2) + bytes([9] * 4))
    os.write(3, struct.pack("<BHBI", 4, 0, 0, 0))
    time.sleep(0.3)
    os._exit(0)
