from common import *

import numpy as np

# concepts:
# scaling, most common color, tiling

# description:
# In the input you will see a 3x3 grid.
# Make a 9x9 grid with a copy of the input at every place that has the most common color.
def transform(input_grid: np.ndarray) -> np.ndarray:
    colors = object_colors(input_grid, background=None)
    most_common = max(colors, key=lambda c: np.sum(input_grid == c))
    n, m = input_grid.shape
    output_grid = np.zeros((n * n, m * m), dtype=int)
    for x, y in np.argwhere(input_grid == most_common):
        blit(output_grid, input_grid, x=n * x, y=m * y)
    return output_grid
