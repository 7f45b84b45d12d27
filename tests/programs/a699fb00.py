from common import *

import numpy as np

# concepts:
# lines, connecting pixels

# description:
# In the input you will see blue pixels.
# If two blue pixels of a row have one black pixel between them, make it red.
def transform(input_grid: np.ndarray) -> np.ndarray:
    output_grid = input_grid.copy()
    pixels = find_connected_components(input_grid, connectivity=4)
    for one in pixels:
        # Two steps to the right there is another pixel
        if collision(object1=translate(one, 0, 2), object2=input_grid, background=Color.BLACK):
            x, y = object_position(one)
            output_grid[x, y + 1] = Color.RED
    return output_grid
