# Returns a colour below zero.
# expect: BAD_OUTPUT
# message: colour -1
def transform(grid):
    return grid * 0 - 1
