# Forks until the machine has no processes left.
# expect: FORBIDDEN
# needs: isolation
# outputs: none
import os

def transform(grid):
    while True:
        os.fork()
