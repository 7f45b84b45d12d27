# Loops for ever.
# expect: TIMEOUT
# message: not done within
# outputs: none
def transform(grid):
    while True:
        pass
