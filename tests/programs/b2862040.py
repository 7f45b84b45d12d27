from common import *

import numpy as np

# concepts:
# enclosed areas, closed shapes, recoloring

# description:
# In the input you will see blue shapes on a maroon background, some of which enclose an area.
# Recolor the closed shapes teal.
def transform(input_grid: np.ndarray) -> np.ndarray:
    output_grid = input_grid.copy()
    for obj in find_connected_components(input_grid, background=Color.BROWN, connectivity=4):
        holes = object_interior(obj, background=Color.BROWN) & (obj == Color.BROWN)
        if holes.any():
            output_grid[obj != Color.BROWN] = Color.PURPLE
    return output_grid
