# Returns cells that are objects.
# expect: BAD_OUTPUT
# message: type object
def transform(grid):
    return grid.astype(object)
