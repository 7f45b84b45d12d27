from common import *

import numpy as np

# concepts:
# recoloring, objects

# description:
# In the input you will see a colored object and a single pixel in the lower left corner.
# Recolor the object with the pixel's color and remove the pixel.
def transform(input_grid: np.ndarray) -> np.ndarray:
    objects = detect_objects(input_grid, connectivity=4, monochromatic=True)
    obj, pixel = objects[0], objects[1]
    color = object_colors(pixel)[0]
    output_grid = np.zeros_like(input_grid)
    output_grid[obj != Color.BLACK] = color
    return output_grid
