# Returns one cell.
# expect: OK
# outputs: [[3]]
def transform(grid):
    return [[3]]
