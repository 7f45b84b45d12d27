# Returns 256, which is 0 in eight bits.
# expect: BAD_OUTPUT
# message: colour 256
def transform(grid):
    return grid * 0 + 256
