from common import *

import numpy as np

# concepts:
# lines, connecting pixels

# description:
# In the input you will see teal pixels on a black background.
# Connect every two of them that lie in the same row or column with a teal line.
def transform(input_grid: np.ndarray) -> np.ndarray:
    output_grid = input_grid.copy()
    points = np.argwhere(input_grid == Color.PURPLE)
    for x1, y1 in points:
        for x2, y2 in points:
            if x1 == x2 or y1 == y2:
                draw_line(output_grid, x1, y1, end_x=x2, end_y=y2, color=Color.PURPLE)
    return output_grid
