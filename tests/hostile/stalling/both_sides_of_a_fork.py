# Returns on both sides of a fork, so that there would be two answers.
# expect: FORBIDDEN | OK
import os

def transform(grid):
    os.fork()
    return grid
