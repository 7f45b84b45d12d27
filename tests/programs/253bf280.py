from common import *

import numpy as np

# concepts:
# lines, connecting pixels

# description:
# In the input you will see teal pixels on a black background.
# Connect every two teal pixels that lie in the same row or column with a green line. Leave the teal pixels teal.
def transform(input_grid: np.ndarray) -> np.ndarray:
    output_grid = input_grid.copy()
    pixels = [object_position(p) for p in find_connected_components(input_grid, connectivity=4)]
    for x1, y1 in pixels:
        for x2, y2 in pixels:
            if (x1 == x2) != (y1 == y2):
                draw_line(output_grid, x1, y1, end_x=x2, end_y=y2, color=Color.GREEN)
    return blit_object(output_grid, input_grid, background=Color.BLACK)
