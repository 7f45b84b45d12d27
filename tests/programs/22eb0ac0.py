from common import *

import numpy as np

# concepts:
# lines, connecting same colors

# description:
# In the input you will see pixels on the left and right border of the grid.
# If both ends of a row have the same color, connect them with a line of it.
def transform(input_grid: np.ndarray) -> np.ndarray:
    output_grid = input_grid.copy()
    n, m = input_grid.shape
    for x in range(n):
        left, right = input_grid[x, 0], input_grid[x, m - 1]
        if left != Color.BLACK and left == right:
            draw_line(output_grid, x, 0, direction=(0, 1), color=left)
    return output_grid
