# Raises what usually ends the whole run of a researcher.
# expect: RAISED
# message: KeyboardInterrupt
def transform(grid):
    raise KeyboardInterrupt
