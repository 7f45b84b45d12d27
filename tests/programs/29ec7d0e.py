from common import *

import numpy as np

# concepts:
# repeating pattern, translational symmetry, occlusion

# description:
# In the input you will see a tiled pattern with black patches on it.
# Restore the pattern under the patches.
def transform(input_grid: np.ndarray) -> np.ndarray:
    output_grid = input_grid.copy()
    symmetries = detect_translational_symmetry(input_grid, ignore_colors=[Color.BLACK])
    for x, y in np.argwhere(input_grid != Color.BLACK):
        for sym_x, sym_y in orbit(output_grid, x, y, symmetries):
            output_grid[sym_x, sym_y] = input_grid[x, y]
    return output_grid
