from common import *

import numpy as np

# concepts:
# fractal, scaling, tiling

# description:
# In the input you will see a 3x3 pattern.
# Make a 9x9 grid with a copy of the pattern at every colored place of the pattern.
def transform(input_grid: np.ndarray) -> np.ndarray:
    n, m = input_grid.shape
    scaled = scale_sprite(input_grid, factor=n)
    copies = np.tile(input_grid, (n, m))
    output_grid = np.where(scaled == Color.BLACK, Color.BLACK, copies)
    return output_grid
