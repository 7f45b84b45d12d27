from common import *

import numpy as np

# concepts:
# patterns around pixels, blitting

# description:
# In the input you will see single pixels on a black background.
# Draw an orange plus around every blue pixel, and yellow diagonal pixels around every red one. Leave others alone.
def transform(input_grid: np.ndarray) -> np.ndarray:
    output_grid = input_grid.copy()

    plus = np.array([
        [Color.BLACK, Color.ORANGE, Color.BLACK],
        [Color.ORANGE, Color.BLUE, Color.ORANGE],
        [Color.BLACK, Color.ORANGE, Color.BLACK],
    ])
    cross = np.array([
        [Color.YELLOW, Color.BLACK, Color.YELLOW],
        [Color.BLACK, Color.RED, Color.BLACK],
        [Color.YELLOW, Color.BLACK, Color.YELLOW],
    ])
    for pixel in find_connected_components(input_grid, connectivity=4, monochromatic=True):
        x, y = object_position(pixel, background=Color.BLACK, anchor="upper left")
        color = pixel[x, y]
        if color == Color.BLUE:
            blit_sprite(output_grid, plus, x=x - 1, y=y - 1, background=Color.BLACK)
        elif color == Color.RED:
            blit_sprite(output_grid, cross, x=x - 1, y=y - 1, background=Color.BLACK)

    return output_grid
