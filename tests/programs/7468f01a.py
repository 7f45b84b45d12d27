from common import *

import numpy as np

# concepts:
# cropping, mirror

# description:
# In the input you will see a large rectangle with a small object in it.
# Crop the rectangle and mirror it left to right.
def transform(input_grid: np.ndarray) -> np.ndarray:
    sprite = crop(input_grid, background=Color.BLACK)
    return np.fliplr(sprite)
