# Lifts the limit of recursion for a flood fill over many cells.
# expect: OK
import sys

sys.setrecursionlimit(10**6)

def down(n):
    return 0 if n == 0 else 1 + down(n - 1)

def transform(grid):
    assert down(5000) == 5000
    return grid
