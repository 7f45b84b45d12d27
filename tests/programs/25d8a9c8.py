from common import *

import numpy as np

# concepts:
# lines, rows

# description:
# In the input you will see a 3x3 grid.
# Turn rows of a single color gray and all others black.
def transform(input_grid: np.ndarray) -> np.ndarray:
    output_grid = np.zeros_like(input_grid)
    for x in range(input_grid.shape[0]):
        row = input_grid[x:x + 1]
        if len(object_colors(row, background=None)) == 1:
            draw_line(output_grid, x, 0, direction=(0, 1), color=Color.GRAY)
    return output_grid
