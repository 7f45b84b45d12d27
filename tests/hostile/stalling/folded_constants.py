# Leaves the work to the compiler, which folds constants.
# expect: OK | TIMEOUT | OUT_OF_MEMORY | SYNTAX_ERROR
def transform(grid):
    if grid.size < 0:
        return ((((1 << 100) ** 99) ** 99) ** 99) ** 99, "x" * 10**12, (0,) * 10**12
    return grid
