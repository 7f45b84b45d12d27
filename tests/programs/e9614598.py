from common import *

import numpy as np

# concepts:
# patterns, middle, lines

# description:
# In the input you will see two blue pixels in one row or column.
# Draw a green plus in the middle between them.
def transform(input_grid: np.ndarray) -> np.ndarray:
    output_grid = input_grid.copy()
    x, y = object_position(input_grid, anchor="center")
    for direction in [(0, 1), (1, 0), (0, -1), (-1, 0)]:
        draw_line(output_grid, x, y, length=2, direction=direction, color=Color.GREEN)
    return output_grid
