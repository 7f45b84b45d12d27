from common import *

import numpy as np

# concepts:
# symmetry detection

# description:
# In the input you will see a 3x3 grid with red pixels.
# If it is equal to its mirror image with left and right exchanged, output one blue pixel, else one orange pixel.
def transform(input_grid: np.ndarray) -> np.ndarray:
    symmetric = True
    mirror = MirrorSymmetry(mirror_x=None, mirror_y=1)
    for x in range(input_grid.shape[0]):
        for y in range(input_grid.shape[1]):
            x2, y2 = mirror.apply(x, y)
            if input_grid[x2, y2] != input_grid[x, y]:
                symmetric = False
    return np.array([[Color.BLUE if symmetric else Color.ORANGE]])
