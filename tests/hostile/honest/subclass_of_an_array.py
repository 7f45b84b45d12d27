# Returns an array of a class of its own.
# expect: OK
import numpy as np

class Grid(np.ndarray):
    def __new__(cls, cells): return np.asarray(cells).view(cls)
    def __array_finalize__(self, other): self.name = "grid"

def transform(grid):
    return Grid(grid)
