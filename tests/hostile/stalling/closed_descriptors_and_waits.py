# Closes every descriptor, so that the way back ends, and goes on.
# expect: TIMEOUT
# outputs: none
import os
import time

def transform(grid):
    os.closerange(0, 1024)
    time.sleep(60)
