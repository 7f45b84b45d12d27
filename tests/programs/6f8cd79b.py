from common import *

import numpy as np

# concepts:
# borders

# description:
# In the input you will see an empty grid.
# Draw a teal border around it.
def transform(input_grid: np.ndarray) -> np.ndarray:
    output_grid = np.zeros_like(input_grid)
    everything = np.ones_like(input_grid)
    output_grid[object_boundary(everything)] = Color.TEAL
    return output_grid
