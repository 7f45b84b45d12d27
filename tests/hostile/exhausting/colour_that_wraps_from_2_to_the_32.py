# Returns numbers whose lowest byte alone is a colour.
# expect: BAD_OUTPUT
# message: colour 4294967
def transform(grid):
    return grid + 2**32
