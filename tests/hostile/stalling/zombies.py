# Makes children that end and are never waited for.
# expect: FORBIDDEN | OK
# needs: isolation
import os

def transform(grid):
    for _ in range(50):
        if os.fork() == 0:
            os._exit(0)
    return grid
