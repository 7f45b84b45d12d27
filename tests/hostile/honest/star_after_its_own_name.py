# Has a name of its own before a star import replaces it, and one after it.
# expect: OK
def crop(grid): return None
from common import *

def flood_fill(grid): return grid

def transform(grid):
    assert crop is not None and crop.__module__ != __name__
    return flood_fill(grid)
