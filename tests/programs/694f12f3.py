from common import *

import numpy as np

# concepts:
# filling, size, interior

# description:
# In the input you will see two filled yellow rectangles of different size.
# Fill the inside of the larger one with red and of the smaller one with blue, leaving a yellow border.
def transform(input_grid: np.ndarray) -> np.ndarray:
    output_grid = input_grid.copy()
    objects = find_connected_components(input_grid, connectivity=4)
    objects.sort(key=lambda obj: np.sum(obj != Color.BLACK))
    for obj, color in zip(objects, [Color.BLUE, Color.RED]):
        inside = object_interior(obj) & ~object_boundary(obj)
        output_grid[inside] = color
    return output_grid
