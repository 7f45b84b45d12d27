# Returns a number.
# expect: BAD_OUTPUT
# message: of type int
def transform(grid):
    return 7
