from common import *

import numpy as np

# concepts:
# mirror, symmetry

# description:
# In the input you will see a few colored rows at the top.
# Copy them mirrored to the bottom.
def transform(input_grid: np.ndarray) -> np.ndarray:
    output_grid = input_grid.copy()
    mirror = MirrorSymmetry(mirror_x=(input_grid.shape[0] - 1) / 2, mirror_y=None)
    for x, y in np.argwhere(input_grid != Color.BLACK):
        for x2, y2 in orbit(input_grid, x, y, [mirror]):
            output_grid[x2, y2] = input_grid[x, y]
    return output_grid
