# Returns a mask.
# expect: OK
# outputs: [[0, 0, 0], [1, 1, 1]]; [[1, 0], [0, 1]]
def transform(grid):
    return grid > 3
