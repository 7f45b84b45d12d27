# Returns an object that looks like a grid and equals whatever it is compared with.
# expect: BAD_OUTPUT
# message: it is of type Any, not a grid
class Any:
    shape, ndim, size, dtype = (2, 3), 2, 6, int
    def __eq__(self, other): return True
    def __ne__(self, other): return False
    def __hash__(self): return 0
    def __len__(self): return 2
    def __iter__(self): return iter([[0, 0], [0, 0]])
    def __array__(self, *args, **kwargs): raise RuntimeError("never asked for")

def transform(grid):
    return Any()
