from common import *

import numpy as np

# concepts:
# filling, interior

# description:
# In the input you will see colored rectangles.
# Fill the inside of each with teal, leaving a border one pixel thick.
def transform(input_grid: np.ndarray) -> np.ndarray:
    output_grid = input_grid.copy()
    for obj in find_connected_components(input_grid, connectivity=4, monochromatic=True):
        output_grid[object_interior(obj) & ~object_boundary(obj)] = Color.PURPLE
    return output_grid
