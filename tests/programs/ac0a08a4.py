from common import *

import numpy as np

# concepts:
# scaling, counting

# description:
# In the input you will see a 3x3 grid with colored pixels.
# Scale it by the number of colored pixels.
def transform(input_grid: np.ndarray) -> np.ndarray:
    factor = np.sum(input_grid != Color.BLACK)
    return scale_sprite(input_grid, factor=factor)
