from common import *

import numpy as np

# concepts:
# lines, connecting pixels

# description:
# In the input you will see a red and a green pixel.
# Draw a teal line from the red pixel along its row to the green pixel's column, then along the column to it.
def transform(input_grid: np.ndarray) -> np.ndarray:
    output_grid = input_grid.copy()
    x1, y1 = np.argwhere(input_grid == Color.RED)[0]
    x2, y2 = np.argwhere(input_grid == Color.GREEN)[0]
    draw_line(output_grid, x1, y1, end_x=x1, end_y=y2, color=Color.TEAL)
    draw_line(output_grid, x1, y2, end_x=x2, end_y=y2, color=Color.TEAL)
    blit_object(output_grid, input_grid)
    return output_grid
