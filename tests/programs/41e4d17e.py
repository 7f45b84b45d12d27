from common import *

import numpy as np

# concepts:
# lines, patterns

# description:
# In the input you will see blue figures on a teal background.
# Draw pink lines through the center of each, along its row and its column, below the figures.
def transform(input_grid: np.ndarray) -> np.ndarray:
    output_grid = input_grid.copy()
    figures = find_connected_components(input_grid, background=Color.TEAL, connectivity=8)
    for figure in figures:
        x, y = object_position(figure, background=Color.TEAL, anchor="center")
        for direction in [(1, 0), (-1, 0), (0, 1), (0, -1)]:
            draw_line(output_grid, x, y, direction=direction, color=Color.PINK)
    return blit_object(output_grid, input_grid, background=Color.TEAL)
