# Returns cells that are bytes.
# expect: BAD_OUTPUT
# message: type |S
def transform(grid):
    return grid.astype("S1")
