# Answers the first input and stalls on the second: the first answer counts.
# expect: TIMEOUT
# outputs: same; none
# stdout: stuck
def transform(grid):
    if grid.shape == (2, 2):
        print("stuck")
        while True:
            pass
    return grid
