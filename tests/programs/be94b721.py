from common import *

import numpy as np

# concepts:
# size, largest object, cropping

# description:
# In the input you will see several objects.
# Return the one with the most pixels.
def transform(input_grid: np.ndarray) -> np.ndarray:
    objects = find_connected_components(input_grid, connectivity=4, monochromatic=True)
    largest = max(objects, key=lambda obj: np.sum(obj != Color.BLACK))
    return crop(largest)
