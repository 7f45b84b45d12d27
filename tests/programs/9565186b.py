from common import *

import numpy as np

# concepts:
# counting, most common color

# description:
# In the input you will see a grid with several colors.
# Keep the most common color and turn everything else gray.
def transform(input_grid: np.ndarray) -> np.ndarray:
    colors = object_colors(input_grid, background=None)
    common_color = max(colors, key=lambda color: np.sum(input_grid == color))
    return np.where(input_grid == common_color, input_grid, Color.GRAY)
