# Changes the grid that it was given in place and returns it.
# expect: OK
# outputs: [[0, 0, 0], [0, 0, 0]]; [[0, 0], [0, 0]]
def transform(grid):
    assert grid.dtype == "int64" and grid.flags.writeable
    grid[:] = 0
    return grid
