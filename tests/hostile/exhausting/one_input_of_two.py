# Fails on one input only: the other grid counts.
# expect: RAISED
# message: IndexError
# outputs: none; same
def transform(grid):
    return grid if grid.shape == (2, 2) else grid[9]
