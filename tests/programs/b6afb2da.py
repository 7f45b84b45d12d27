from common import *

import numpy as np

# concepts:
# patterns, corners, recoloring

# description:
# In the input you will see gray rectangles.
# Color their corners blue, their other edges yellow and their inside red.
def transform(input_grid: np.ndarray) -> np.ndarray:
    output_grid = input_grid.copy()
    for obj in find_connected_components(input_grid, connectivity=4):
        output_grid[object_interior(obj)] = Color.RED
        output_grid[object_boundary(obj)] = Color.YELLOW
        for anchor in ["upper left", "upper right", "lower left", "lower right"]:
            x, y = object_position(obj, background=Color.BLACK, anchor=anchor)
            output_grid[x, y] = Color.BLUE
    return output_grid
