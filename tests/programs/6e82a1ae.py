from common import *

import numpy as np

# concepts:
# counting, size, recoloring

# description:
# In the input you will see gray objects of two to four pixels.
# Recolor those of four pixels blue, of three pixels red and of two pixels green.
def transform(input_grid: np.ndarray) -> np.ndarray:
    new_color = {4: Color.BLUE, 3: Color.RED, 2: Color.GREEN}
    output_grid = input_grid.copy()
    for obj in find_connected_components(input_grid, connectivity=4):
        mask = obj != Color.BLACK
        output_grid[mask] = new_color[int(np.sum(mask))]
    return output_grid
