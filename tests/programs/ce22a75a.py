from common import *

import numpy as np

# concepts:
# blocks, patterns, scaling

# description:
# In the input you will see gray pixels in the middles of 3x3 blocks.
# Fill each of these blocks with blue.
def transform(input_grid: np.ndarray) -> np.ndarray:
    centers = input_grid[1::3, 1::3]
    blocks = np.where(centers == Color.GREY, Color.BLUE, Color.BLACK)
    return scale_sprite(blocks, factor=3)
