from common import *

import numpy as np
from typing import *

# concepts:
# bounding box, recoloring, occlusion

# description:
# In the input you will see a pattern of blue pixels and a teal rectangle behind it.
# Turn the blue pixels that lie in the rectangle green.
def transform(input_grid: np.ndarray) -> np.ndarray:
    output_grid = input_grid.copy()

    teal_pixels = np.where(input_grid == Color.TEAL, Color.TEAL, Color.BLACK)
    in_rectangle = bounding_box_mask(teal_pixels)

    output_grid[in_rectangle & (input_grid == Color.BLUE)] = Color.GREEN
    return output_grid


def generate_input() -> np.ndarray:
    n = random.randint(16, 20)
    grid = np.zeros((n, n), dtype=int)
    for x in randomly_spaced_indices(n, 4, border_size=1, padding=1):
        draw_line(grid, x, 0, direction=(0, 1), color=Color.BLUE)
    for y in randomly_spaced_indices(max_len=n, n_indices=3):
        grid[:, y] = Color.BLACK

    rectangle = np.full((random.randint(4, 6), random.randint(4, 6)), Color.TEAL)
    x, y = random.randint(0, n - 6), random.randint(0, n - 6)
    pattern = grid.copy()
    blit(grid, rectangle, x, y)
    return blit_object(grid, pattern, background=Color.BLACK)
