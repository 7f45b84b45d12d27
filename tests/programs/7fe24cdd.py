from common import *

import numpy as np

# concepts:
# rotational symmetry, rotation, growing

# description:
# In the input you will see a 3x3 pattern.
# Grow it to a 6x6 grid that looks the same after a quarter turn, the pattern at the top left.
def transform(input_grid):
    n, m = input_grid.shape
    output_grid = np.zeros((n * 2, m * 2), dtype=int)
    blit_object(output_grid, input_grid, background=Color.BLACK)

    # Turn the quarter that is drawn onto the next one, three times
    for _ in range(3):
        blit_object(output_grid, np.rot90(output_grid).copy(), background=Color.BLACK)
    return output_grid


def generate_input():
    sprite = random_sprite(3, 3, density=0.8, symmetry="not_symmetric")
    if random.random() < 0.5:
        apply_symmetry(sprite, random.choice(["horizontal", "vertical"]))
    assert is_contiguous(sprite, background=Color.BLACK, connectivity=8)
    return sprite
