# Empties the module of built-in functions.
# expect: RAISED | DIED
# outputs: none
import builtins

def transform(grid):
    vars(builtins).clear()
    return grid
