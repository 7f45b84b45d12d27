# Returns a grid with rows of no cells.
# expect: BAD_OUTPUT
# message: x0
def transform(grid):
    return [[] for _ in grid]
