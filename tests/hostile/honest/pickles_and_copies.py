# Copies objects of its own classes by pickling them.
# expect: OK
import copy
import pickle

class Box:
    def __init__(self, grid): self.grid = grid

def transform(grid):
    return copy.deepcopy(pickle.loads(pickle.dumps(Box(grid)))).grid
