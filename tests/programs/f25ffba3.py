from common import *

import numpy as np

# concepts:
# mirror, symmetry

# description:
# In the input you will see a pattern in the lower half.
# Mirror it to the upper half.
def transform(input_grid: np.ndarray) -> np.ndarray:
    output_grid = input_grid.copy()
    upside_down = np.flipud(input_grid)
    return blit(output_grid, upside_down.copy(), background=Color.BLACK)
