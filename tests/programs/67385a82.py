from common import *

import numpy as np

# concepts:
# size, recoloring

# description:
# In the input you will see green objects.
# Recolor those of three or more pixels teal.
def transform(input_grid: np.ndarray) -> np.ndarray:
    output_grid = input_grid.copy()
    for obj in find_connected_components(input_grid, connectivity=4, monochromatic=True):
        if np.sum(obj != Color.BLACK) >= 3:
            output_grid[obj == Color.GREEN] = Color.TEAL
    return output_grid
