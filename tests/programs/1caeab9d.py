from common import *

import numpy as np

# concepts:
# alignment, translation

# description:
# In the input you will see three objects of different colors.
# Move the others up or down so that they are level with the blue one.
def transform(input_grid: np.ndarray) -> np.ndarray:
    output_grid = np.zeros_like(input_grid)
    blue = np.where(input_grid == Color.BLUE, Color.BLUE, Color.BLACK)
    level, _ = object_position(blue, anchor="upper left")
    for color in object_colors(input_grid):
        obj = np.where(input_grid == color, color, Color.BLACK)
        x, y = object_position(obj, anchor="upper left")
        blit_object(output_grid, translate(obj, level - x, 0))
    return output_grid
