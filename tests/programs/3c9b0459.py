from common import *

import numpy as np

# concepts:
# rotation

# description:
# In the input you will see a colorful grid.
# Turn it by 180 degrees.
def transform(input_grid: np.ndarray) -> np.ndarray:
    turned = np.rot90(input_grid, 2)
    return blit(np.zeros_like(input_grid), turned)
