from common import *

import numpy as np

# concepts:
# cropping, recoloring

# description:
# In the input you will see an object on a blue background.
# Crop the object, and make the remaining blue pixels black.
def transform(input_grid: np.ndarray) -> np.ndarray:
    output_grid = crop(input_grid, background=Color.BLUE).copy()
    output_grid[output_grid == Color.BLUE] = Color.BLACK
    return output_grid
