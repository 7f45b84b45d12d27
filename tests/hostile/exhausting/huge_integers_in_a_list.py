# Returns integers that fit into no type of numpy.
# expect: BAD_OUTPUT | RAISED
# outputs: none
def transform(grid):
    return [[10**100]]
