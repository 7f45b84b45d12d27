from common import *

import numpy as np
from typing import *

# concepts:
# connected components, size, recoloring

# description:
# In the input you will see red shapes on a black background.
# Red pixels without a red neighbor become blue.
def transform(input_grid: np.ndarray) -> np.ndarray:
    single = detect_objects(
        input_grid, predicate=lambda sprite: sprite.size == 1, colors=[Color.RED],
        monochromatic=True, connectivity=4,
    )
    output_grid = np.copy(input_grid)
    for obj in single:
        x, y = object_position(obj, background=Color.BLACK, anchor="upper left")
        output_grid[x, y] = Color.BLUE
    return output_grid


def generate_input() -> np.ndarray:
    grid = np.zeros((random.randint(4, 6), random.randint(4, 6)), dtype=int)
    shapes: List[np.ndarray] = [
        random_sprite([1, 2], [2, 3], density=1, color_palette=[Color.RED], symmetry="not_symmetric"),
        np.array([[Color.RED]]),
    ]
    for shape in shapes:
        try:
            # the old name of random_free_location_for_sprite
            x, y = random_free_location_for_object(
                grid, shape, background=Color.BLACK, padding=1, padding_connectivity=4
            )
        except:
            return generate_input()
        grid = blit_sprite(grid, shape, x=x, y=y)
    return grid
