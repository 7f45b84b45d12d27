from common import *

import numpy as np

# concepts:
# lines, diagonal

# description:
# In the input you will see a single pixel.
# Draw diagonal lines of its color through it in all four directions.
def transform(input_grid: np.ndarray) -> np.ndarray:
    output_grid = input_grid.copy()
    for x, y in np.argwhere(input_grid != Color.BLACK):
        for dx in [-1, 1]:
            for dy in [-1, 1]:
                draw_line(output_grid, x, y, direction=(dx, dy), color=input_grid[x, y])
    return output_grid
