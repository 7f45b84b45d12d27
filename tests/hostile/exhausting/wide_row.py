# Returns a row of ten million cells.
# expect: BAD_OUTPUT | OUT_OF_MEMORY
# outputs: none
def transform(grid):
    return [[0] * 10**7]
