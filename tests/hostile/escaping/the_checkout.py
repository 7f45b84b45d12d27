# Reads the tests.
# expect: FORBIDDEN
# needs: isolation
def transform(grid):
    print(open("@CHECKOUT@/tests/hostile/catalogue.py").read())
    return grid
