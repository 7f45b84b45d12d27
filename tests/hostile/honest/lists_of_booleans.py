# Returns lists of truth values.
# expect: OK
# outputs: [[0, 0, 0], [1, 1, 1]]; [[1, 0], [0, 1]]
def transform(grid):
    return [[bool(cell > 3) for cell in row] for row in grid]
