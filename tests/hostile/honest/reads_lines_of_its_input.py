# Reads the standard input by lines, of which there are none.
# expect: OK
import sys

def transform(grid):
    assert sys.stdin.readline() == "" and sys.stdin.read() == "" and list(sys.stdin) == []
    return grid
