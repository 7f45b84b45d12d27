# Returns a colour that does not exist.
# expect: BAD_OUTPUT
# message: colour 10
def transform(grid):
    return grid * 0 + 10
