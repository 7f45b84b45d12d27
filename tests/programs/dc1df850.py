from common import *

import numpy as np

# concepts:
# borders, surrounding pixels

# description:
# In the input you will see red pixels and pixels of other colors.
# Surround each red pixel with blue.
def transform(input_grid: np.ndarray) -> np.ndarray:
    output_grid = input_grid.copy()
    red = np.where(input_grid == Color.RED, Color.RED, Color.BLACK)
    ring = np.full((3, 3), Color.BLUE)
    for x, y in np.argwhere(red != Color.BLACK):
        blit_sprite(output_grid, ring, x - 1, y - 1)
    return blit_object(output_grid, red)
