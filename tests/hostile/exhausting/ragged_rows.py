# Returns rows of unequal length.
# expect: BAD_OUTPUT
# message: unequal
def transform(grid):
    return [[1, 2], [3]]
