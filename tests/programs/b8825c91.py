from common import *

import numpy as np

# concepts:
# occlusion, mirror symmetry

# description:
# In the input you will see a pattern that is symmetric in both directions, covered by yellow rectangles.
# Restore what lies below them.
def transform(input_grid: np.ndarray) -> np.ndarray:
    output_grid = input_grid.copy()
    n, m = input_grid.shape
    mirrors = [MirrorSymmetry((n - 1) / 2, None), MirrorSymmetry(None, (m - 1) / 2)]
    for x, y in np.argwhere(input_grid == Color.YELLOW):
        colors = [input_grid[point] for point in orbit(input_grid, x, y, mirrors)]
        colors = [c for c in colors if c != Color.YELLOW]
        if colors:
            output_grid[x, y] = colors[0]
    return output_grid
