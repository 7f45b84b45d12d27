from common import *

import numpy as np

# concepts:
# symmetry, objects, mirror

# description:
# In the input you will see an object that is a symmetric cross, and parts of another object around it.
# Mirror the other object at the center of the cross, so that all becomes symmetric.
def transform(input_grid: np.ndarray) -> np.ndarray:
    output_grid = input_grid.copy()

    # The center object is the one that is symmetric in itself
    for color in object_colors(input_grid, background=Color.BLACK):
        obj = np.where(input_grid == color, input_grid, Color.BLACK)
        sprite = crop(obj)
        if np.array_equal(sprite, sprite[::-1]) and np.array_equal(sprite, sprite[:, ::-1]):
            center_x, center_y = object_position(obj, anchor="center")

    symmetries = [MirrorSymmetry(center_x, None), MirrorSymmetry(None, center_y)]
    for x, y in np.argwhere(input_grid != Color.BLACK):
        for x2, y2 in orbit(input_grid, x, y, symmetries):
            output_grid[x2, y2] = input_grid[x, y]

    return output_grid
