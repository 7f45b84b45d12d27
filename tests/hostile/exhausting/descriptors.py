# Opens files until there are no descriptors left: there are some, but few.
# expect: RAISED
# message: Too many open files
# outputs: none
import os

def transform(grid):
    while True:
        os.open("/dev/null", os.O_RDONLY)
