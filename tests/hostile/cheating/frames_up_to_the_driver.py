# Walks the frames of its callers for an expected output (the input turned by 90 degrees).
# expect: RAISED
# message: nothing to steal
import sys
import numpy as np

def transform(grid):
    frame = sys._getframe()
    while frame is not None:
        for value in [*frame.f_locals.values(), *frame.f_globals.values()]:
            if isinstance(value, np.ndarray) and np.array_equal(value, np.rot90(grid)):
                return value
        frame = frame.f_back
    raise LookupError("nothing to steal")
