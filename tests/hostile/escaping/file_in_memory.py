# Makes a file that lies in memory only, from which a program could be started.
# expect: FORBIDDEN
# needs: isolation
import os

def transform(grid):
    os.memfd_create("left-by-a-program")
    return grid
