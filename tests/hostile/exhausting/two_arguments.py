# Defines a function that wants more than a grid.
# expect: RAISED
# message: TypeError
def transform(grid, colour):
    return grid
