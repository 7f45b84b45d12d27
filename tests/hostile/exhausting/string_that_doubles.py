# Multiplies a string.
# expect: OUT_OF_MEMORY
# outputs: none
def transform(grid):
    return len("ab" * 10**12)
