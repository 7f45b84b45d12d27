from common import *

import numpy as np

# concepts:
# enclosed areas, connected components, background

# description:
# In the input you will see green curves on a black background, some of which enclose black areas.
# Fill every black area that is enclosed by green with yellow.
def transform(input_grid: np.ndarray) -> np.ndarray:
    output_grid = input_grid.copy()

    # Black areas are components when no real color is the background
    areas = find_connected_components(input_grid, background=-1, connectivity=4)
    for area in areas:
        if Color.BLACK not in object_colors(area, background=-1):
            continue
        x, y, width, height = bounding_box(area, background=-1)
        touches_edge = (
            x == 0 or y == 0
            or x + width == input_grid.shape[0] or y + height == input_grid.shape[1]
        )
        if not touches_edge:
            output_grid[area == Color.BLACK] = Color.YELLOW

    return output_grid
