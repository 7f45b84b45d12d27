# Returns a grid that is one column too wide.
# expect: BAD_OUTPUT
# message: 1x31
def transform(grid):
    return [[0] * 31]
