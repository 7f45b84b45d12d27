# Waits for descriptors of which there are none.
# expect: TIMEOUT
# outputs: none
import select

def transform(grid):
    select.select([], [], [])
