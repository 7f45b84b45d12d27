from common import *

import numpy as np

# concepts:
# bounding box, filling

# description:
# In the input you will see yellow objects in a 3x3 area each.
# Fill the black pixels of each object's bounding box with orange.
def transform(input_grid: np.ndarray) -> np.ndarray:
    output_grid = input_grid.copy()
    for obj in detect_objects(input_grid, connectivity=8, monochromatic=True):
        box = bounding_box_mask(obj, background=Color.BLACK)
        output_grid[box & (input_grid == Color.BLACK)] = Color.ORANGE
    return output_grid
