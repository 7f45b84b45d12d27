from common import *

import numpy as np

# concepts:
# interior, size, filling

# description:
# In the input you will see gray frames.
# Fill them with a color that depends on the size of the inside: 1x1 pink, 2x2 orange, 3x3 teal.
def transform(input_grid: np.ndarray) -> np.ndarray:
    output_grid = input_grid.copy()
    colors = {1: Color.PINK, 4: Color.ORANGE, 9: Color.PURPLE}
    for frame in find_connected_components(input_grid, connectivity=4):
        inside = object_interior(frame) & (frame == Color.BLACK)
        output_grid[inside] = colors[np.sum(inside)]
    return output_grid
