# Ends in the middle, as completions do that ran into their limit.
# expect: SYNTAX_ERROR
# message: was never closed
def transform(grid):
    return [[0, 1, 2
