from common import *

import numpy as np

# concepts:
# translation, recoloring

# description:
# In the input you will see a teal object.
# Move it down by one pixel and make it red.
def transform(input_grid: np.ndarray) -> np.ndarray:
    moved = translate(input_grid, x=1, y=0, background=Color.BLACK)
    moved[moved == Color.TEAL] = Color.RED
    return moved
