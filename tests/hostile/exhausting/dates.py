# Returns cells that are dates.
# expect: BAD_OUTPUT
# message: datetime64
def transform(grid):
    return grid.astype("datetime64[D]")
