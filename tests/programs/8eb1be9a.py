from common import *

import numpy as np

# concepts:
# repeating pattern, translation

# description:
# In the input you will see one row of a pattern.
# Repeat it upwards and downwards until the grid is full.
def transform(input_grid: np.ndarray) -> np.ndarray:
    output_grid = np.zeros_like(input_grid)
    _, _, period, _ = bounding_box(input_grid)
    symmetry = TranslationalSymmetry(translate_x=period, translate_y=0)
    for x, y in np.argwhere(input_grid != Color.BLACK):
        for x2, y2 in orbit(input_grid, x, y, [symmetry]):
            output_grid[x2, y2] = input_grid[x, y]
    return output_grid
