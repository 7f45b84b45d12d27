# A thread writes forged results all the time, between those of the driver.
# expect: OK | DIED
# outputs: any
import os
import struct
import sys
import threading

sys.setswitchinterval(1e-6)

def race():
    forged = struct.pack("<BHBIHH", 1, 0, 0, 8, 2, 2) + bytes([9] * 4)
    while True:
        os.write(3, forged)

def transform(grid):
    threading.Thread(target=race, daemon=True).start()
    sum(range(10**6))
    return grid
