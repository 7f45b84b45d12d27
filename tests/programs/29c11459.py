from common import *

import numpy as np

# concepts:
# lines, connecting pixels

# description:
# In the input you will see pairs of pixels at the left and right border.
# Draw a line from each to the middle, where a gray pixel separates the two colors.
def transform(input_grid: np.ndarray) -> np.ndarray:
    output_grid = input_grid.copy()
    n, m = input_grid.shape
    for x in range(n):
        left, right = input_grid[x, 0], input_grid[x, m - 1]
        if left == Color.BLACK or right == Color.BLACK:
            continue
        output_grid[x, m // 2] = Color.GRAY
        draw_line(output_grid, x, 0, direction=(0, 1), color=left, stop_at_color=[Color.GRAY])
        draw_line(output_grid, x, m - 1, direction=(0, -1), color=right, stop_at_color=[Color.GRAY])
    return output_grid
