from common import *

import numpy as np

# concepts:
# enclosed areas, filling

# description:
# In the input you will see red shapes, some of which enclose black areas.
# Fill the enclosed black areas with blue.
def transform(input_grid: np.ndarray) -> np.ndarray:
    output_grid = input_grid.copy()
    enclosed = object_interior(input_grid) & (input_grid == Color.BLACK)
    output_grid[enclosed] = Color.BLUE
    return output_grid
