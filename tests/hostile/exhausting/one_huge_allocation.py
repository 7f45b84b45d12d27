# Asks for two gigabytes at once.
# expect: OUT_OF_MEMORY
# outputs: none
def transform(grid):
    return bytearray(2 * 10**9)
