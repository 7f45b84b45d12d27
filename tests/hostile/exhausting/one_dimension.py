# Returns a row instead of a grid.
# expect: BAD_OUTPUT
# message: 1 dimensions
def transform(grid):
    return [1, 2, 3]
