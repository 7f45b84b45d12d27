# Returns complex cells.
# expect: BAD_OUTPUT
# message: complex128
def transform(grid):
    return grid.astype(complex)
