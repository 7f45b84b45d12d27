from common import *

import numpy as np

# concepts:
# alternating pattern, rows

# description:
# In the input you will see two rows of different colors.
# Exchange the two rows in every other column.
def transform(input_grid: np.ndarray) -> np.ndarray:
    mirror = MirrorSymmetry(mirror_x=0.5, mirror_y=None)
    output_grid = input_grid.copy()
    for x in range(2):
        for y in range(1, input_grid.shape[1], 2):
            output_grid[x, y] = input_grid[mirror.apply(x, y)]
    return output_grid
