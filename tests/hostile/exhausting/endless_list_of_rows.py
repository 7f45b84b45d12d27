# Collects an endless generator of rows.
# expect: OUT_OF_MEMORY | TIMEOUT
# outputs: none
import itertools

def transform(grid):
    return list([i] * 1000 for i in itertools.count())
