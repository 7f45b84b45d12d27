from common import *

import numpy as np
from typing import *

# concepts:
# recoloring

# description:
# In the input you will see a grid of pink and orange.
# Turn pink into red.
def transform(input_grid: np.ndarray) -> np.ndarray:
    output_grid = input_grid.copy()
    for obj in find_connected_components(input_grid, background=Color.ORANGE, connectivity=4):
        output_grid[obj == Color.PINK] = Color.RED
    return output_grid
