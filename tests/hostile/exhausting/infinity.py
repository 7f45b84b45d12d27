# Returns infinite cells.
# expect: BAD_OUTPUT
# message: whole numbers
def transform(grid):
    return grid + float("inf")
