# Sorts a large array in numpy over and over.
# expect: TIMEOUT
# outputs: none
import numpy as np

def transform(grid):
    values = np.arange(4 * 10**6)[::-1].astype(float)
    while True:
        np.sort(values * values, kind="heapsort")
