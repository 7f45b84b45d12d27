# Returns halves.
# expect: BAD_OUTPUT
# message: whole numbers
def transform(grid):
    return grid + 0.5
