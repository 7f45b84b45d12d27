from common import *

import numpy as np

# concepts:
# regions, size, filling

# description:
# In the input you will see red lines that divide a black grid into areas.
# Fill the largest areas with blue and the smallest ones with teal.
def transform(input_grid: np.ndarray) -> np.ndarray:
    output_grid = input_grid.copy()
    areas = find_connected_components(input_grid, background=Color.RED, connectivity=4)
    sizes = [np.sum(area != Color.RED) for area in areas]
    for area, size in zip(areas, sizes):
        x, y = np.argwhere(area != Color.RED)[0]
        if size == max(sizes):
            flood_fill(output_grid, x, y, Color.BLUE)
        elif size == min(sizes):
            flood_fill(output_grid, x, y, Color.TEAL)
    return output_grid
