# Returns a list of lists.
# expect: OK
def transform(grid):
    return [[int(cell) for cell in row] for row in grid]
