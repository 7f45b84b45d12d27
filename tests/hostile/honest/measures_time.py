# Measures time and sleeps a little.
# expect: OK
import time
from datetime import datetime

def transform(grid):
    start = time.perf_counter()
    time.sleep(0.01)
    assert time.perf_counter() - start >= 0.009 and datetime.now().year > 2000
    return grid
