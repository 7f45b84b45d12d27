# Looks up by their text what a star import brought.
# expect: OK
import sys
from common import *

def transform(grid):
    assert globals()["Col" + "or"].RED == 2 and eval("Col" + "or.RED") == 2
    assert getattr(sys.modules[__name__], "flood" + "_fill")
    return grid
