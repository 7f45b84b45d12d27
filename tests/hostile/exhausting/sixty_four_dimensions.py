# Returns a list nested deeper than an array can be.
# expect: BAD_OUTPUT | RAISED
def transform(grid):
    nested = 1
    for _ in range(100):
        nested = [nested]
    return nested
