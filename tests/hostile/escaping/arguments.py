# Looks at the arguments for a path or a secret.
# expect: OK
import sys

def transform(grid):
    assert sys.argv == ["program"], sys.argv
    return grid
