# Hides objects that equal everything in the cells of a list.
# expect: BAD_OUTPUT
# message: type object, not integers
class Any:
    def __eq__(self, other): return True
    def __lt__(self, other): return False
    def __gt__(self, other): return False
    def __hash__(self): return 0

def transform(grid):
    return [[Any() for _ in row] for row in grid]
