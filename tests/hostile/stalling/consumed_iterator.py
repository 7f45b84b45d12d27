# Consumes an endless iterator in C.
# expect: TIMEOUT
# outputs: none
import collections
import itertools

def transform(grid):
    collections.deque(itertools.count(), maxlen=0)
