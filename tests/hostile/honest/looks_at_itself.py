# Asks for its own source, names and signature.
# expect: OK
import inspect
import sys
import traceback

def transform(grid):
    inspect.signature(transform)
    assert "transform" in globals() and __name__ != "__main__"
    assert sys.modules[__name__].transform is transform
    try:
        inspect.getsource(transform)
    except OSError:
        pass
    traceback.format_stack()
    return grid
