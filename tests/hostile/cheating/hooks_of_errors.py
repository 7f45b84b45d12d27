# Replaces the hooks that are called for exceptions, then raises.
# expect: RAISED
# message: ZeroDivisionError
import os
import sys
import threading

def transform(grid):
    sys.excepthook = sys.unraisablehook = threading.excepthook = lambda *args: os._exit(0)
    return grid // 0 if False else 1 // 0
