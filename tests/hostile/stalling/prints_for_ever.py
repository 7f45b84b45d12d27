# Prints without end: the first of it is kept.
# expect: TIMEOUT
# outputs: none
# stdout: line 0
def transform(grid):
    i = 0
    while True:
        print("line", i)
        i += 1
