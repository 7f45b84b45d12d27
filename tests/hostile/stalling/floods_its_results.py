# Writes zeros to the result descriptor without end.
# expect: DIED
# outputs: none
import os

def transform(grid):
    while True:
        os.write(3, bytes(65536))
