# Claims outcomes that only the parent may give: a time-out would blame the machine.
# expect: DIED
# message: tampered
# outputs: none
import os
import struct

def transform(grid):
    for status in (5, 9, 1):
        os.write(3, struct.pack("<BHBI", 2, 0, status, 0))
    os._exit(0)
