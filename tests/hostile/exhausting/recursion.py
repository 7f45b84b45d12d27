# Calls itself without end.
# expect: RAISED
# message: RecursionError
# outputs: none
def transform(grid):
    return transform(grid)
