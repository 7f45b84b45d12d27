from common import *

import numpy as np

# concepts:
# size, largest object, counting

# description:
# In the input you will see two hollow rectangles of different colors.
# Return a 2x2 grid in the color of the larger one.
def transform(input_grid: np.ndarray) -> np.ndarray:
    objects = detect_objects(input_grid, connectivity=4, monochromatic=True, background=Color.BLACK)
    # Detected objects come largest first
    largest = objects[0]
    return np.full((2, 2), object_colors(largest)[0])
