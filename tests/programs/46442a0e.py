from common import *

import numpy as np
from typing import Callable, List

# concepts:
# rotation, tiling, growing

# description:
# In the input you will see a small square pattern.
# Make a grid twice as large: the pattern at the top left and, clockwise, the pattern turned
# by one, two and three quarters.
def transform(input_grid: np.ndarray) -> np.ndarray:
    n = input_grid.shape[0]
    output_grid = np.zeros((2 * n, 2 * n), dtype=int)
    corners = [(0, 0), (0, n), (n, n), (n, 0)]
    for quarters, (x, y) in enumerate(corners):
        blit(output_grid, np.rot90(input_grid, k=-quarters), x, y, background=None)
    return output_grid


def generate_input() -> np.ndarray:
    n = random.choice([2, 3, 4])
    sprite = generate_sprite(
        n, n, symmetry_type="not_symmetric", fill_percentage=0.6, max_colors=3,
        color_palate=[Color.YELLOW, Color.BROWN], background=Color.GRAY,
    )
    # Some patterns are symmetric themselves
    fix: Callable = random.choice([lambda s: s, apply_diagonal_symmetry])
    return fix(sprite)
