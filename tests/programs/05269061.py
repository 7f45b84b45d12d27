from common import *

import numpy as np

# concepts:
# repeating pattern, diagonal, translational symmetry

# description:
# In the input you will see a few diagonals of a pattern of three colors on a black background.
# Continue the pattern of diagonals until it fills the whole grid.
def transform(input_grid: np.ndarray) -> np.ndarray:
    output_grid = input_grid.copy()

    # The diagonals repeat: moving by (1, -1) keeps a color, and so does moving by 3
    symmetries = [
        TranslationalSymmetry(1, -1),
        TranslationalSymmetry(0, 3),
        TranslationalSymmetry(3, 0),
    ]
    # The second pass reaches what lies around a corner
    for _ in range(2):
        for x, y in np.argwhere(output_grid != Color.BLACK):
            for sym_x, sym_y in orbit(output_grid, x, y, symmetries):
                output_grid[sym_x, sym_y] = output_grid[x, y]

    return output_grid
