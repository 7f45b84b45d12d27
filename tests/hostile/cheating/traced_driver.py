# Traces the driver after it has returned and raises in the middle of it.
# expect: OK | DIED | RAISED
import sys

def transform(grid):
    def trace(frame, event, argument):
        raise RuntimeError("in the driver")
    sys.settrace(trace)
    frame = sys._getframe().f_back
    while frame is not None:
        frame.f_trace = trace
        frame = frame.f_back
    return grid
