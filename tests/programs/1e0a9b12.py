from common import *

import numpy as np

# concepts:
# gravity, falling, collision

# description:
# In the input you will see colored pixels on a black background.
# Make every pixel fall down until it meets the bottom or another pixel.
def transform(input_grid: np.ndarray) -> np.ndarray:
    # Lower pixels fall first. Rows are the first index, so down is +x
    pixels = [(x, y) for x, y in np.argwhere(input_grid != Color.BLACK)]
    pixels.sort(key=lambda p: p[0], reverse=True)

    output_grid = np.full_like(input_grid, Color.BLACK)
    for x, y in pixels:
        pixel = np.full_like(input_grid, Color.BLACK)
        pixel[x, y] = input_grid[x, y]
        while True:
            moved = translate(pixel, 1, 0, background=Color.BLACK)
            left_grid = not np.any(moved != Color.BLACK)
            if left_grid or collision(object1=moved, object2=output_grid, background=Color.BLACK):
                break
            pixel = moved
        blit_object(output_grid, pixel, background=Color.BLACK)

    return output_grid
