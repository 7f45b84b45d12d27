from common import *

import numpy as np

# concepts:
# counting, size, recoloring

# description:
# In the input you will see gray objects.
# Recolor objects of exactly six pixels red and all others blue.
def transform(input_grid: np.ndarray) -> np.ndarray:
    output_grid = input_grid.copy()
    objects = detect_objects(input_grid, connectivity=4, colors=[Color.GRAY])
    for obj in objects:
        size = np.sum(obj == Color.GRAY)
        output_grid[obj == Color.GRAY] = Color.RED if size == 6 else Color.BLUE
    return output_grid
