from common import *

import numpy as np

# concepts:
# translation, objects

# description:
# In the input you will see a colored object and a gray pixel.
# Move the object so that its center lies where the gray pixel was.
def transform(input_grid: np.ndarray) -> np.ndarray:
    gray = np.where(input_grid == Color.GREY, input_grid, Color.BLACK)
    rest = np.where(input_grid == Color.GREY, Color.BLACK, input_grid)
    target_x, target_y = object_position(gray)
    sprite = crop(rest)
    output_grid = rest.copy()
    x = target_x - sprite.shape[0] // 2
    y = target_y - sprite.shape[1] // 2
    return blit_sprite(output_grid, sprite, x=x, y=y)
