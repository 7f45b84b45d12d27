from common import *

import numpy as np

# concepts:
# patterns, replacing objects

# description:
# In the input you will see blue objects, some of which are a hollow 3x3 ring.
# Replace each ring with a red plus.
def transform(input_grid: np.ndarray) -> np.ndarray:
    output_grid = input_grid.copy()
    ring = np.array([[1, 1, 1], [1, 0, 1], [1, 1, 1]]) * Color.BLUE
    plus = np.array([[0, 1, 0], [1, 1, 1], [0, 1, 0]]) * Color.RED

    rings = detect_objects(input_grid, predicate=lambda sprite: np.array_equal(sprite, ring),
                           connectivity=4, monochromatic=True)
    for obj in rings:
        x, y = object_position(obj)
        blit_sprite(output_grid, plus, x=x, y=y, background=None)
    return output_grid
