from common import *

import numpy as np

# concepts:
# lines, connecting pixels

# description:
# In the input you will see a teal and a red pixel.
# Draw a yellow line from the teal pixel down or up to the red one's row, then sideways to the red pixel.
def transform(input_grid: np.ndarray) -> np.ndarray:
    output_grid = input_grid.copy()
    x1, y1 = np.argwhere(input_grid == Color.TEAL)[0]
    x2, y2 = np.argwhere(input_grid == Color.RED)[0]
    draw_line(output_grid, x1, y1, end_x=x2, end_y=y1, color=Color.YELLOW)
    draw_line(output_grid, x2, y1, end_x=x2, end_y=y2, color=Color.YELLOW)
    return blit_object(output_grid, input_grid)
