from common import *

import numpy as np

# concepts:
# lines, connecting same colors, grids

# description:
# In the input you will see a grid of 2x2 cells divided by lines. Some cells are colored.
# If two cells of the same color lie in one row or column of cells, color the cells between them.
def transform(input_grid: np.ndarray) -> np.ndarray:
    # The divider is the color of the largest object
    divider = object_colors(detect_objects(input_grid, connectivity=4, monochromatic=True)[0])[0]
    output_grid = input_grid.copy()
    cells = input_grid[::3, ::3].copy()

    for color in object_colors(cells, background=Color.BLACK):
        if color == divider:
            continue
        points = np.argwhere(cells == color)
        for x1, y1 in points:
            for x2, y2 in points:
                if (x1, y1) < (x2, y2) and (x1 == x2 or y1 == y2):
                    draw_line(cells, x1, y1, end_x=x2, end_y=y2, color=color)

    scaled = scale_sprite(cells, factor=3)[:input_grid.shape[0], :input_grid.shape[1]]
    output_grid = np.where(input_grid == divider, divider, scaled)
    return output_grid
