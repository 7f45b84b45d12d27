from common import *

import numpy as np

# concepts:
# filling, interior

# description:
# In the input you will see gray rectangles.
# Fill their inside with red.
def transform(input_grid: np.ndarray) -> np.ndarray:
    boundary = object_boundary(input_grid)
    interior = object_interior(input_grid)
    output_grid = input_grid.copy()
    output_grid[interior & ~boundary] = Color.RED
    return output_grid
