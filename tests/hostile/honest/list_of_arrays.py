# Returns a list whose rows are arrays.
# expect: OK
def transform(grid):
    return [row for row in grid]
