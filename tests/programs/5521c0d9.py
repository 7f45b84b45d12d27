from common import *

import numpy as np

# concepts:
# translation, objects, size

# description:
# In the input you will see rectangles standing on the bottom of the grid.
# Move every rectangle up by its own height.
def transform(input_grid: np.ndarray) -> np.ndarray:
    output_grid = np.full(input_grid.shape, Color.BLACK)
    for obj in find_connected_components(input_grid, connectivity=4, monochromatic=True):
        rows = crop(obj).shape[0]
        blit_object(output_grid, translate(obj, x=-rows, y=0, background=Color.BLACK))
    return output_grid
