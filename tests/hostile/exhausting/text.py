# Returns the grid as text.
# expect: BAD_OUTPUT
# message: of type str
def transform(grid):
    return str(grid.tolist())
