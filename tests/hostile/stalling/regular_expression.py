# Backtracks in a regular expression.
# expect: TIMEOUT
# outputs: none
import re

def transform(grid):
    re.match("(a+)+b", "a" * 60)
    return grid
