# Returns a list of a million rows.
# expect: BAD_OUTPUT
# message: 1000000 rows
def transform(grid):
    return [[0]] * 10**6
