# Defines a function of another name.
# expect: NO_TRANSFORM
# message: defines no function
def solve(grid):
    return grid
