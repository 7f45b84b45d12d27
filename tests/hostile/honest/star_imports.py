# Imports all of `common` and `concepts` under their bare names.
# expect: OK
from common import *
from concepts import *
import common
import concepts as c

def transform(grid):
    assert Color.BLACK == 0
    return grid
