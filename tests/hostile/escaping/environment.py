# Looks for secrets in the environment, in Python's copy and in the C library's.
# expect: OK
import ctypes
import os

def transform(grid):
    assert not os.environ, dict(os.environ)
    environ = ctypes.POINTER(ctypes.c_char_p).in_dll(ctypes.CDLL(None), "environ")
    if environ:
        assert environ[0] is None, environ[0]
    return grid
