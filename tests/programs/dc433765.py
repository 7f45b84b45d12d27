from common import *

import numpy as np

# concepts:
# translation, attraction

# description:
# In the input you will see a green and a yellow pixel in one row or column.
# Move the green pixel by one step towards the yellow one.
def transform(input_grid: np.ndarray) -> np.ndarray:
    green = np.where(input_grid == Color.GREEN, Color.GREEN, Color.BLACK)
    yellow = np.where(input_grid == Color.YELLOW, Color.YELLOW, Color.BLACK)
    x1, y1 = object_position(green)
    x2, y2 = object_position(yellow)
    step = np.sign([x2 - x1, y2 - y1])
    return blit_object(translate(green, *step), yellow)
