from common import *

import numpy as np

# concepts:
# corners, objects, bounding box

# description:
# In the input you will see teal L-shapes of three pixels.
# Put a blue pixel in the corner that completes each of them to a 2x2 square.
def transform(input_grid):
    output_grid = input_grid.copy()
    for shape in find_connected_components(input_grid, background=Color.BLACK, connectivity=4):
        x, y, width, height = bounding_box(shape, background=Color.BLACK)
        assert (width, height) == (2, 2)
        missing = bounding_box_mask(shape) & (shape == Color.BLACK)
        output_grid[missing] = Color.BLUE
    return output_grid


def generate_input():
    grid = np.zeros((7, 7), dtype=int)
    corner = np.full((2, 2), Color.TEAL)
    corner[0, 0] = Color.BLACK
    for _ in range(2):
        sprite = np.rot90(corner, k=random.randint(0, 3))
        x, y = random_free_location_for_sprite(grid, sprite, padding=1, padding_connectivity=8)
        blit_sprite(grid, sprite, x, y)
    return grid
