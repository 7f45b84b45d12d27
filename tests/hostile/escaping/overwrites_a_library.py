# Opens modules of the interpreter, of numpy and of the project for writing.
# expect: OK
# needs: isolation
import os
import common
import numpy

def transform(grid):
    for module in (os, numpy, common):
        for flags in (os.O_WRONLY, os.O_RDWR, os.O_APPEND | os.O_WRONLY, os.O_RDONLY | os.O_TRUNC, 3):
            try:
                os.open(module.__file__, flags)
            except PermissionError:
                continue
            raise AssertionError((module, flags))
        try:
            os.truncate(module.__file__, 10**9)
        except PermissionError:
            continue
        raise AssertionError(module)
    return grid
