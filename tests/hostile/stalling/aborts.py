# Aborts.
# expect: DIED
# message: killed
# outputs: none
import os

def transform(grid):
    os.abort()
