# Opens modules of the interpreter, of numpy and of the project for writing.
# expect: OK
# needs: isolation
import os
import common
import numpy

def transform(grid):
    for module in (os, numpy, common):
        for flags in (os.O_WRONLY, os.O_RDWR, os.O_APPEND | os.O_WRONLY, os.O_RDONLY | os.O_TRUNC, 3):  # 3 is neither
            try:
                os.write(os.open(module.__file__, flags), b"import os")
            except OSError:
                continue
            raise AssertionError((module, flags))
        assert os.path.getsize(module.__file__) > 100, module
        try:
            os.truncate(module.__file__, 10**9)
        except OSError:
            continue
        raise AssertionError(module)
    return grid
