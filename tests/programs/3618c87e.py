from common import *

import numpy as np

# concepts:
# gravity, recoloring

# description:
# In the input you will see blue pixels in a row above gray pillars that stand on a gray floor.
# Exchange every blue pixel's place: it ends on the floor, and the pillar stays one pixel long.
def transform(input_grid: np.ndarray) -> np.ndarray:
    output_grid = input_grid.copy()
    floor = input_grid.shape[0] - 1
    for pixel in find_connected_components(input_grid, connectivity=4, monochromatic=True):
        if Color.BLUE not in object_colors(pixel):
            continue
        x, y = object_position(pixel)
        output_grid[x, y] = Color.BLACK
        output_grid[floor, y] = Color.BLUE
    return output_grid
