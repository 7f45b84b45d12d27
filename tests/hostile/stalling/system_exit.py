# Ends the way a script does.
# expect: RAISED
# message: SystemExit
import sys

def transform(grid):
    sys.exit()
