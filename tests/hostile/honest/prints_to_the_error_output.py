# Prints to the error output and warns.
# expect: OK
# stdout: to the other
import sys
import warnings

def transform(grid):
    print("to the other", file=sys.stderr)
    warnings.warn("a warning")
    sys.stdout.flush()
    sys.stderr.write("more\n")
    return grid
