from common import *

import numpy as np
from typing import *

# concepts:
# connecting pixels, lines, objects between objects

# description:
# In the input you will see blue pixels scattered on a black background.
# Connect every two blue pixels that lie in the same row or column with teal pixels.
def main(input_grid: np.ndarray) -> np.ndarray:
    output_grid = input_grid.copy()
    pixels: List[np.ndarray] = find_connected_components(
        input_grid, connectivity=4, monochromatic=True
    )

    for i, first in enumerate(pixels):
        for second in pixels[i + 1 :]:
            first_x, first_y = object_position(first)
            second_x, second_y = object_position(second)
            if first_x != second_x and first_y != second_y:
                continue
            for x, y in np.argwhere(input_grid == Color.BLACK):
                if check_between_objects(first, second, x, y, padding=0):
                    output_grid[x, y] = Color.TEAL

    return output_grid


def generate_input() -> np.ndarray:
    n, m = random.randint(8, 20), random.randint(8, 20)
    grid = np.zeros((n, m), dtype=int)
    for _ in range(random.randint(5, 10)):
        try:
            x, y = random_free_location_for_sprite(
                grid, np.array([[Color.BLUE]]), padding=1, padding_connectivity=4
            )
        except ValueError:
            break
        grid[x, y] = Color.BLUE
    return grid
