from common import *

import numpy as np

# concepts:
# filling, lines, connecting same colors

# description:
# In the input you will see colored shapes with two arms.
# In every row, fill the space between two pixels of the same color with that color.
def transform(input_grid: np.ndarray) -> np.ndarray:
    output_grid = input_grid.copy()
    for x in range(input_grid.shape[0]):
        for color in object_colors(input_grid[x:x + 1], background=Color.BLACK):
            ys = np.flatnonzero(input_grid[x] == color)
            draw_line(output_grid, x=x, y=ys[0], end_x=x, end_y=ys[-1], color=color)
    return output_grid
