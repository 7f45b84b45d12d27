from common import *

import numpy as np

# concepts:
# interior, boundary, hollow shapes

# description:
# In the input you will see filled rectangles.
# Make them hollow.
def transform(input_grid: np.ndarray) -> np.ndarray:
    output_grid = np.zeros_like(input_grid)
    for obj in find_connected_components(input_grid, connectivity=4, monochromatic=True):
        boundary = object_boundary(obj, background=Color.BLACK)
        output_grid[boundary] = obj[boundary]
    return output_grid
