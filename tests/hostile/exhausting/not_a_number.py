# Returns cells that are no numbers.
# expect: BAD_OUTPUT
# message: whole numbers
def transform(grid):
    return grid * float("nan")
