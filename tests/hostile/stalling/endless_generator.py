# Returns a generator without end.
# expect: BAD_OUTPUT
# message: of type generator
def transform(grid):
    def rows():
        while True:
            yield [1, 2, 3]
    return rows()
