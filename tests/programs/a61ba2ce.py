from common import *

import numpy as np

# concepts:
# corners, objects, assembling

# description:
# In the input you will see four L-shaped objects.
# Put each of them into the corner of a 4x4 grid that it fits.
def transform(input_grid: np.ndarray) -> np.ndarray:
    output_grid = np.zeros((4, 4), dtype=int)
    for obj in find_connected_components(input_grid, connectivity=4, monochromatic=True):
        sprite = crop(obj)
        # The missing cell points to the middle
        x, y = np.argwhere(sprite == Color.BLACK)[0]
        blit_sprite(output_grid, sprite, x=0 if x == 1 else 2, y=0 if y == 1 else 2)
    return output_grid
