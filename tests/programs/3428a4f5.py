from common import *

import numpy as np

# concepts:
# logic, panels

# description:
# In the input you will see two red patterns above each other, divided by a yellow line.
# Output green where exactly one of them has a pixel.
def transform(input_grid: np.ndarray) -> np.ndarray:
    parts = find_connected_components(
        np.where(input_grid == Color.YELLOW, 1, 0), background=1, connectivity=4, monochromatic=True
    )
    masks = []
    for part in parts:
        x, y, w, h = bounding_box(part, background=1)
        masks.append(input_grid[x:x + w, y:y + h] == Color.RED)
    return np.where(masks[0] != masks[1], Color.GREEN, Color.BLACK)
