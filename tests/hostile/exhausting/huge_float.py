# Returns floats that are whole numbers beyond every integer type.
# expect: BAD_OUTPUT
# message: colour 1000000
def transform(grid):
    return grid * 0 + 1e300
