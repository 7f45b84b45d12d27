# Changes the worker's own frame so that the copy of it goes on serving instead of ending.
# expect: OK | DIED | RAISED | TIMEOUT
# outputs: same
import ctypes
import sys

def transform(grid):
    frame = sys._getframe().f_back
    while frame is not None:
        for name in ("leave", "pid", "write"):
            if name in frame.f_locals:
                frame.f_locals[name] = lambda *args: None
        ctypes.pythonapi.PyFrame_LocalsToFast(ctypes.py_object(frame), ctypes.c_int(0))
        frame = frame.f_back
    return grid
