from common import *

import numpy as np

# concepts:
# bounding box, rectangles, filling

# description:
# In the input you will see pairs of pixels of the same color.
# Draw a filled rectangle with the two pixels as corners.
def transform(input_grid: np.ndarray) -> np.ndarray:
    output_grid = input_grid.copy()
    for color in object_colors(input_grid):
        pair = np.where(input_grid == color, color, Color.BLACK)
        output_grid[bounding_box_mask(pair)] = color
    return output_grid
