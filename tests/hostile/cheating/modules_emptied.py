# Throws all modules away, so that others would import anew or fail.
# expect: OK | RAISED
import sys

def transform(grid):
    sys.modules.clear()
    sys.path.clear()
    sys.meta_path.clear()
    return grid
