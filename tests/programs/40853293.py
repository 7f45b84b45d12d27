from common import *

import numpy as np

# concepts:
# lines, connecting same colors

# description:
# In the input you will see pairs of pixels of the same color, each pair in one row or one column.
# Connect each pair with a line. Vertical lines lie on top of horizontal ones.
def transform(input_grid: np.ndarray) -> np.ndarray:
    output_grid = input_grid.copy()
    lines = []
    for color in object_colors(input_grid, background=Color.BLACK):
        (x1, y1), (x2, y2) = np.argwhere(input_grid == color)
        lines.append((y1 == y2, color, x1, y1, x2, y2))
    # Horizontal lines, which stay in one row, come first
    for _, color, x1, y1, x2, y2 in sorted(lines):
        draw_line(output_grid, x1, y1, end_x=x2, end_y=y2, color=color)
    return output_grid
