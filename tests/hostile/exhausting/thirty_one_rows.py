# Returns a grid that is one row too high.
# expect: BAD_OUTPUT
# message: 31 rows
def transform(grid):
    return [[0]] * 31
