# Sends half the head of a message, then goes on as if nothing had been.
# expect: DIED
# outputs: none
import os

def transform(grid):
    os.write(3, b"\x01\x00")
    return grid
