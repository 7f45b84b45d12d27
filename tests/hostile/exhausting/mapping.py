# Returns a dictionary of cells.
# expect: BAD_OUTPUT
# message: of type dict
def transform(grid):
    return {(0, 0): 1}
