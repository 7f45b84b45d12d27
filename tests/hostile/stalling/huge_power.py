# Computes an integer with hundreds of millions of digits.
# expect: TIMEOUT
# outputs: none
def transform(grid):
    return len(str(7 ** (7**9)))
