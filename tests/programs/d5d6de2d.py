from common import *

import numpy as np

# concepts:
# enclosed areas, filling

# description:
# In the input you will see red shapes, some of which enclose black areas.
# Color the enclosed areas green and remove the shapes.
def transform(input_grid: np.ndarray) -> np.ndarray:
    holes = object_interior(input_grid) & (input_grid == Color.BLACK)
    output_grid = np.zeros_like(input_grid)
    output_grid[holes] = Color.GREEN
    return output_grid
