# Returns cells that are text.
# expect: BAD_OUTPUT
# message: type <U
def transform(grid):
    return grid.astype(str)
