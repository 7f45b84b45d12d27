# Calls itself nine hundred times, which is within the usual limit.
# expect: OK
def down(grid, n):
    return grid if n == 0 else down(grid, n - 1)

def transform(grid):
    return down(grid, 900)
