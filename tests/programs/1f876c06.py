from common import *

import numpy as np

# concepts:
# lines, diagonal, connecting same colors

# description:
# In the input you will see pairs of pixels of one color, lying diagonally from each other.
# Connect the two pixels of each color with a diagonal line.
def transform(input_grid: np.ndarray) -> np.ndarray:
    output_grid = input_grid.copy()
    for color in object_colors(input_grid, background=Color.BLACK):
        points = np.argwhere(input_grid == color)
        (x1, y1), (x2, y2) = points[0], points[-1]
        draw_line(output_grid, x1, y1, end_x=x2, end_y=y2, color=color)
    return output_grid
