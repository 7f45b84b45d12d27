# Returns a tuple of tuples.
# expect: OK
def transform(grid):
    return tuple(tuple(row) for row in grid.tolist())
