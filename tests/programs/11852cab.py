from common import *

import numpy as np
from typing import *

# concepts:
# symmetry detection, rotational symmetry, occlusion

# description:
# In the input you will see a pattern of colored pixels that is only partly drawn.
# Find the rotational symmetry of the pattern and add the missing pixels.
def main(input_grid):
    output_grid = input_grid.copy()

    symmetry = detect_rotational_symmetry(input_grid, ignore_colors=[Color.BLACK])

    for x, y in np.argwhere(input_grid != Color.BLACK):
        for rotated_x, rotated_y in orbit(output_grid, x, y, symmetries=[symmetry]):
            if output_grid[rotated_x, rotated_y] == Color.BLACK:
                output_grid[rotated_x, rotated_y] = input_grid[x, y]

    return output_grid


def generate_input() -> np.ndarray:
    grid = np.full((10, 10), Color.BLACK)
    sprite = random_sprite(
        5, 5, symmetry="radial", density=0.5, connectivity=8,
        color_palette=random.sample(Color.NOT_BLACK, 2),
    )
    x, y = random_free_location_for_sprite(grid, sprite, border_size=1)

    # Only one half of the sprite is seen
    sprite[3:, :] = Color.BLACK
    blit_sprite(grid, sprite, x, y, background=Color.BLACK)
    return grid


if __name__ == "__main__":
    visualize(generate_input, main)
