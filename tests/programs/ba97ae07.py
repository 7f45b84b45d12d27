from common import *

import numpy as np

# concepts:
# occlusion, lines

# description:
# In the input you will see a horizontal and a vertical bar that cross.
# Where they cross, bring the bar that lies below to the top.
def transform(input_grid: np.ndarray) -> np.ndarray:
    output_grid = input_grid.copy()
    for color in object_colors(input_grid, background=Color.BLACK):
        bar = np.where(input_grid == color, color, Color.BLACK)
        box = bounding_box_mask(bar)
        if np.any(box & (bar == Color.BLACK)):
            output_grid[box] = color
    return output_grid
