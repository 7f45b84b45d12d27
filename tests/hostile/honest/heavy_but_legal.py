# Searches by breadth through a hundred thousand states and holds tens of megabytes.
# expect: OK
from collections import deque
import numpy as np

def transform(grid):
    seen, queue = {0}, deque([0])
    while queue and len(seen) < 10**5:
        state = queue.popleft()
        for following in (state * 2 + 1, state * 3 + 2):
            if following not in seen:
                seen.add(following)
                queue.append(following)
    block = np.ones((1000, 5000))
    assert block.sum() == 5 * 10**6
    return grid
