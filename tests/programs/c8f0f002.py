from common import *

import numpy as np

# concepts:
# recoloring

# description:
# In the input you will see a grid with orange pixels.
# Turn orange into gray.
def transform(input_grid: np.ndarray) -> np.ndarray:
    output_grid = input_grid.copy()
    output_grid[output_grid == Color.ORANGE] = Color.GRAY
    return output_grid
