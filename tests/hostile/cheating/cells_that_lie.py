# Returns integers whose class turns into others each time they are looked at.
# expect: OK | BAD_OUTPUT
class Liar(int):
    def __int__(self): return 77
    def __index__(self): return 77
    def __eq__(self, other): return True
    def __lt__(self, other): return False
    def __gt__(self, other): return False
    def __hash__(self): return 0

def transform(grid):
    return [[Liar(cell) for cell in row] for row in grid]
