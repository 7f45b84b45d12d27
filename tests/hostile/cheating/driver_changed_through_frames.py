# Finds the driver in the frames below and replaces what it holds: it can only spoil its own answer.
# expect: OK | DIED | RAISED | TIMEOUT
# outputs: any
import sys

def transform(grid):
    frame = sys._getframe().f_back
    while frame is not None:
        driver = frame.f_locals.get("self")
        for name in getattr(driver, "__dict__", {}):
            try:
                setattr(driver, name, lambda *args, **kwargs: 0)
            except Exception:
                pass
        frame = frame.f_back
    return grid
