# Imports what is not there.
# expect: RAISED
# message: line 4: import nothing_like_it
import nothing_like_it

def transform(grid):
    return grid
