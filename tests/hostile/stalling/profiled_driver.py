# Has the driver's own calls profiled by a loop.
# expect: TIMEOUT | OK
import sys

def transform(grid):
    def loop(frame, event, argument):
        while True:
            pass
    sys.setprofile(loop)
    return grid
