from common import *

import numpy as np

# concepts:
# attraction, contact, translation

# description:
# In the input you will see a red square and gray pixels around it.
# Move every gray pixel towards the square until it touches it.
def transform(input_grid: np.ndarray) -> np.ndarray:
    square = np.where(input_grid == Color.RED, Color.RED, Color.BLACK)
    x, y, w, h = bounding_box(square)
    output_grid = square.copy()
    for pixel in find_connected_components(input_grid - square, connectivity=4):
        px, py = object_position(pixel)
        dx = 1 if px < x else -1 if px >= x + w else 0
        dy = 1 if py < y else -1 if py >= y + h else 0
        while not contact(object1=pixel, object2=square, connectivity=8):
            pixel = translate(pixel, dx, dy)
        blit_object(output_grid, pixel)
    return output_grid
