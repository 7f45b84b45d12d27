from common import *

import numpy as np

# concepts:
# lines, diagonal

# description:
# In the input you will see a grid of one color with a black pixel in the middle.
# Draw black diagonals through the middle.
def transform(input_grid: np.ndarray) -> np.ndarray:
    output_grid = input_grid.copy()
    x, y = np.argwhere(input_grid == Color.BLACK)[0]
    for direction in [(1, 1), (1, -1), (-1, 1), (-1, -1)]:
        draw_line(output_grid, x, y, direction=direction, color=Color.BLACK)
    return output_grid
