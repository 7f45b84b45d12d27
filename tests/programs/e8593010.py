from common import *

import numpy as np

# concepts:
# counting, size, recoloring

# description:
# In the input you will see black areas of one to three pixels on a gray grid.
# Recolor areas of one pixel green, of two pixels red and of three pixels blue.
def transform(input_grid: np.ndarray) -> np.ndarray:
    output_grid = input_grid.copy()
    colors = [Color.GREEN, Color.RED, Color.BLUE]
    for area in find_connected_components(input_grid, background=Color.GREY, connectivity=4):
        cells = np.argwhere(area != Color.GREY)
        x, y = cells[0]
        flood_fill(output_grid, x=x, y=y, color=colors[len(cells) - 1], connectivity=4)
    return output_grid
