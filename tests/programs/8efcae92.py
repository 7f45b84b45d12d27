from common import *

import numpy as np

# concepts:
# counting, cropping, objects

# description:
# In the input you will see blue rectangles with red pixels.
# Return the one with the most red pixels.
def transform(input_grid: np.ndarray) -> np.ndarray:
    rectangles = find_connected_components(input_grid, connectivity=4, monochromatic=False)
    best = max(rectangles, key=lambda obj: np.sum(obj == Color.RED))
    return crop(best)
