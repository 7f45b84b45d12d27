from common import *

import numpy as np

# concepts:
# symmetry, objects

# description:
# In the input you will see three objects.
# Return the one that is equal to its mirror image with left and right exchanged.
def transform(input_grid: np.ndarray) -> np.ndarray:
    objects = find_connected_components(input_grid, connectivity=8, monochromatic=True)
    for obj in objects:
        sprite = crop(obj, background=Color.BLACK)
        if np.array_equal(sprite, sprite[:, ::-1]):
            return sprite
