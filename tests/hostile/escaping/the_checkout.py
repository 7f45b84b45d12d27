# Reads the tests.
# expect: FORBIDDEN | RAISED
# message: PermissionError | FileNotFoundError
# needs: isolation
def transform(grid):
    print(open("@CHECKOUT@/tests/hostile/catalogue.py").read())
    return grid
