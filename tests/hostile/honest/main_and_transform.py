# Has both functions: `transform` counts.
# expect: OK
def main(grid):
    raise RuntimeError

def transform(grid):
    return grid
