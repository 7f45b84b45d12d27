# Reads the standard input to its end, which is there at once.
# expect: OK
import os
import sys

def transform(grid):
    assert os.read(0, 100) == b""
    assert sys.stdin is None or sys.stdin.read() == ""
    return grid
