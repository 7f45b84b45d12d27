# Sleeps for a minute.
# expect: TIMEOUT
# outputs: none
import time

def transform(grid):
    time.sleep(60)
    return grid
