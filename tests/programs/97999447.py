from common import *

import numpy as np

# concepts:
# lines, alternating colors

# description:
# In the input you will see single pixels.
# Draw a line from each pixel to the right, alternating between its color and gray.
def transform(input_grid: np.ndarray) -> np.ndarray:
    output_grid = input_grid.copy()
    for x, y in np.argwhere(input_grid != Color.BLACK):
        draw_line(output_grid, x, y, direction=(0, 1), color=input_grid[x, y])
        for y2 in range(y + 1, input_grid.shape[1], 2):
            output_grid[x, y2] = Color.GRAY
    return output_grid
