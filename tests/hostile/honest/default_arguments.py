# Defines further arguments that have defaults.
# expect: OK
def transform(grid, color=3, *args, verbose=False, **kwargs):
    return grid
