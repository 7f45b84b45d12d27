# Returns a grid without rows.
# expect: BAD_OUTPUT
# message: 0x
def transform(grid):
    return grid[:0]
