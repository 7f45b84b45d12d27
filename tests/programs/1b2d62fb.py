from common import *

import numpy as np

# concepts:
# logic, panels

# description:
# In the input you will see two patterns beside each other, divided by a blue line.
# Output teal where both patterns are black.
def transform(input_grid: np.ndarray) -> np.ndarray:
    divider = np.where(input_grid == Color.BLUE, Color.BLUE, Color.BLACK)
    x, y, width, height = bounding_box(divider)
    left, right = input_grid[:, :y], input_grid[:, y + height:]
    return np.where((left == Color.BLACK) & (right == Color.BLACK), Color.TEAL, Color.BLACK)
