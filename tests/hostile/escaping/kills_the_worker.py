# Kills the process that forked it.
# expect: FORBIDDEN | DIED | OK
# needs: namespaces
import os

def transform(grid):
    if os.getppid() > 1:
        os.kill(os.getppid(), 9)
    return grid
