from common import *

import numpy as np

# concepts:
# enclosed areas, closed shapes

# description:
# In the input you will see blue shapes, some of which enclose an area.
# Recolor the closed shapes green.
def transform(input_grid: np.ndarray) -> np.ndarray:
    output_grid = input_grid.copy()
    for obj in find_connected_components(input_grid, connectivity=4, monochromatic=True):
        has_hole = np.any(object_interior(obj) & (obj == Color.BLACK))
        if has_hole:
            output_grid[obj != Color.BLACK] = Color.GREEN
    return output_grid
