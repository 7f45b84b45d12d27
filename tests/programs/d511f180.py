from common import *

import numpy as np

# concepts:
# color swap

# description:
# In the input you will see a grid of colors.
# Exchange gray and teal.
def transform(input_grid: np.ndarray) -> np.ndarray:
    output_grid = input_grid.copy()
    output_grid[input_grid == Color.GRAY] = Color.TEAL
    output_grid[input_grid == Color.TEAL] = Color.GRAY
    return output_grid
