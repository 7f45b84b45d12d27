from common import *

import numpy as np

# concepts:
# lines, diagonal

# description:
# In the input you will see a colored line along the left side.
# Draw a red diagonal from the bottom left corner up to the right, and a yellow line along the bottom. Keep the left line.
def transform(input_grid: np.ndarray) -> np.ndarray:
    output_grid = input_grid.copy()
    n, m = input_grid.shape
    draw_line(output_grid, n - 1, 1, length=m - 1, direction=(0, 1), color=Color.YELLOW)
    draw_line(output_grid, n - 2, 1, direction=(-1, 1), color=Color.RED)
    return output_grid
