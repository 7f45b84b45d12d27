from common import *

import numpy as np

# concepts:
# mirror, tiling

# description:
# In the input you will see a small pattern.
# Make a grid of twice the size, with the pattern in the upper left and its mirror images in the other corners.
def transform(input_grid: np.ndarray) -> np.ndarray:
    n, m = input_grid.shape
    output_grid = np.zeros((2 * n, 2 * m), dtype=int)
    blit_sprite(output_grid, input_grid, x=0, y=0)
    # The mirrors lie between the two halves
    for x, y in np.argwhere(output_grid != Color.BLACK):
        mirrors = [MirrorSymmetry(n - 0.5, None), MirrorSymmetry(None, m - 0.5)]
        for x2, y2 in orbit(output_grid, x, y, mirrors):
            output_grid[x2, y2] = output_grid[x, y]
    return output_grid
