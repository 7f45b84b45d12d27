# Blocks on a pipe of its own that nobody reads.
# expect: TIMEOUT
# outputs: none
import os

def transform(grid):
    read, write = os.pipe()
    while True:
        os.write(write, bytes(65536))
