from common import *

import numpy as np

# concepts:
# borders, surrounding pixels

# description:
# In the input you will see single gray pixels.
# Surround each of them with blue.
def transform(input_grid: np.ndarray) -> np.ndarray:
    output_grid = input_grid.copy()
    for pixel in find_connected_components(input_grid, connectivity=4, monochromatic=True):
        around = object_neighbors(pixel, background=Color.BLACK, connectivity=8)
        output_grid[around] = Color.BLUE
    return output_grid
