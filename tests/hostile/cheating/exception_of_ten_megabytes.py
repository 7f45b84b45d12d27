# Raises an error with a text of ten megabytes: it is cut.
# expect: RAISED
# message: ValueError: xxxx
def transform(grid):
    raise ValueError("x" * 10**7)
