# Returns nothing.
# expect: BAD_OUTPUT
# message: it is None, not a grid
def transform(grid):
    pass
