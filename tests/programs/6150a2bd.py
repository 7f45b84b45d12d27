from common import *

import numpy as np

# concepts:
# rotation, symmetry

# description:
# In the input you will see a colored pattern in the upper left of a grid.
# Turn the grid by 180 degrees.
def transform(input_grid: np.ndarray) -> np.ndarray:
    n, m = input_grid.shape
    output_grid = np.zeros_like(input_grid)
    mirror = MirrorSymmetry((n - 1) / 2, (m - 1) / 2)
    for x, y in np.argwhere(input_grid != Color.BLACK):
        output_grid[mirror.apply(x, y)] = input_grid[x, y]
    return output_grid
