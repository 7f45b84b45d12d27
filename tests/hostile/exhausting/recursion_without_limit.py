# Lifts the limit of recursion and calls itself through C until the stack ends.
# expect: DIED | OUT_OF_MEMORY | RAISED | TIMEOUT
# outputs: none
import sys

class Deep:
    def __getattr__(self, name):
        return getattr(self, name + "x")

def transform(grid):
    sys.setrecursionlimit(10**9)
    return Deep().x
