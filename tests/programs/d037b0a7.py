from common import *

import numpy as np

# concepts:
# gravity, lines

# description:
# In the input you will see colored pixels.
# Draw a line from each pixel down to the bottom or until it meets another color.
def transform(input_grid: np.ndarray) -> np.ndarray:
    output_grid = input_grid.copy()
    for x, y in np.argwhere(input_grid != Color.BLACK):
        draw_line(output_grid, x + 1, y, direction=(1, 0), color=input_grid[x, y],
                  stop_at_color=Color.NOT_BLACK)
    return output_grid
