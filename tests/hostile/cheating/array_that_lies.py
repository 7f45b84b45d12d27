# Returns an array whose class lies about shape, type, cells and comparisons.
# expect: OK
import numpy as np

class Liar(np.ndarray):
    shape = property(lambda self: (1, 1))
    dtype = property(lambda self: np.dtype(bool))
    ndim = property(lambda self: 7)
    size = property(lambda self: -1)
    def __array__(self, *args, **kwargs): return np.zeros((1, 1), int)
    def __array_finalize__(self, other): pass
    def __array_ufunc__(self, *args, **kwargs): return True
    def __array_function__(self, *args, **kwargs): return True
    def __eq__(self, other): return True
    def min(self, *args, **kwargs): return 0
    def max(self, *args, **kwargs): return 9
    def astype(self, *args, **kwargs): return np.zeros((1, 1), np.int8)
    def tobytes(self, *args, **kwargs): return bytes(6)
    def view(self, *args, **kwargs): return np.ndarray.view(self, np.ndarray)

def transform(grid):
    return np.ndarray.view(grid, Liar)
