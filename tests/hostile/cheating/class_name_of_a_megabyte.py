# Returns an object whose class has a name of a megabyte: the reason is cut.
# expect: BAD_OUTPUT
# message: it is of type xxxx
def transform(grid):
    return type("x" * 10**6, (), {})()
