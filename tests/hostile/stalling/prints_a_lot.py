# Prints ten megabytes in many pieces and answers: the first of it is kept.
# expect: OK
# stdout: line 0
def transform(grid):
    for i in range(20_000):
        print("line", i)
    return grid
