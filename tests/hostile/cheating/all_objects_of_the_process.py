# Looks through every object that the garbage collector knows, and what they refer to.
# expect: RAISED
# message: nothing to steal
import gc
import numpy as np

def transform(grid):
    wanted = np.rot90(grid)
    for holder in gc.get_objects():
        stack = gc.get_referents(holder)
        while stack:
            value = stack.pop()
            if type(value) is np.ndarray and value.shape == wanted.shape and value is not wanted:
                if value.dtype.kind == "i" and np.array_equal(value, wanted) and value.base is not wanted.base:
                    return value
            # The collector does not know a tuple or dict without other containers in it.
            if type(value) in (tuple, dict) and not gc.is_tracked(value):
                stack.extend(gc.get_referents(value))
    raise LookupError("nothing to steal")
