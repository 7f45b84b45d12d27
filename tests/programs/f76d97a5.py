from common import *

import numpy as np

# concepts:
# recoloring, color swap

# description:
# In the input you will see gray and one other color.
# Exchange: gray becomes the other color, and the other color becomes black.
def transform(input_grid: np.ndarray) -> np.ndarray:
    other = [c for c in object_colors(input_grid) if c != Color.GREY][0]
    return np.where(input_grid == Color.GRAY, other, Color.BLACK)
