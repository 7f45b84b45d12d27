from common import *

import numpy as np

# concepts:
# size, smallest object, cropping

# description:
# In the input you will see several colored rectangles.
# Return the smallest one.
def transform(input_grid: np.ndarray) -> np.ndarray:
    colors = object_colors(input_grid, background=Color.BLACK)
    smallest = min(colors, key=lambda color: np.sum(input_grid == color))
    only = np.where(input_grid == smallest, input_grid, Color.BLACK)
    return crop(only, background=Color.BLACK)
