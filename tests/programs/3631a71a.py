from common import *

import numpy as np

# concepts:
# symmetry detection, occlusion, mirror

# description:
# In the input you will see a symmetric pattern that is covered by maroon rectangles.
# Restore what lies below them.
def transform(input_grid: np.ndarray) -> np.ndarray:
    output_grid = input_grid.copy()
    size = input_grid.shape[0] + 2
    mirrors = detect_mirror_symmetry(input_grid, ignore_colors=[Color.BROWN, Color.BLACK])
    for x, y in np.argwhere(input_grid == Color.BROWN):
        candidates = [(x2, y2) for x2, y2 in orbit(input_grid, x, y, mirrors)]
        # The pattern is also equal to its transpose
        candidates += [(y2, x2) for x2, y2 in candidates]
        for x2, y2 in candidates:
            if input_grid[x2, y2] != Color.BROWN:
                output_grid[x, y] = input_grid[x2, y2]
                break
    return output_grid
