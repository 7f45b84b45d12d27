# Returns an array that it has made read-only.
# expect: OK
def transform(grid):
    grid.flags.writeable = False
    return grid
