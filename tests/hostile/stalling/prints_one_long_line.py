# Prints a line of ten megabytes.
# expect: OK
# stdout: xxxx
def transform(grid):
    print("x" * 10**7)
    return grid
