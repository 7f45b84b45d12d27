from common import *

import numpy as np
from typing import Any, Union

# concepts:
# mirror, growing

# description:
# In the input you will see a pattern of orange pixels in a square.
# Append the mirrored pattern at the right side.
def transform(input_grid: np.ndarray) -> np.ndarray:
    n, m = input_grid.shape
    output_grid = np.zeros((n, 2 * m), dtype=int)
    output_grid = blit_object(output_grid, input_grid)

    # The mirror lies between the two halves
    symmetry: Union[MirrorSymmetry, Any] = MirrorSymmetry(None, m - 0.5)
    for x, y in np.argwhere(input_grid == Color.ORANGE):
        for orbit_x, orbit_y in orbit(output_grid, x, y, [symmetry]):
            output_grid[orbit_x, orbit_y] = Color.ORANGE
    return output_grid


def generate_input() -> np.ndarray:
    sprite = random_sprite(3, 3, color_palette=[Color.ORANGE], connectivity=8)
    while not is_contiguous(sprite, connectivity=8):
        sprite = random_sprite(3, 3, color_palette=[Color.ORANGE], connectivity=8)
    return sprite
