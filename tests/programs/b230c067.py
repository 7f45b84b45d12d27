from common import *

import numpy as np

# concepts:
# comparing objects, odd one out, recoloring

# description:
# In the input you will see teal objects of the same size, one of which differs from the others.
# Recolor it red and the others blue.
def transform(input_grid: np.ndarray) -> np.ndarray:
    output_grid = input_grid.copy()
    objects = find_connected_components(input_grid, connectivity=8)
    sprites: List[np.ndarray] = [crop(obj) for obj in objects]
    for obj, sprite in zip(objects, sprites):
        alike = sum(np.array_equal(sprite, other) for other in sprites)
        output_grid[obj != Color.BLACK] = Color.RED if alike == 1 else Color.BLUE
    return output_grid
