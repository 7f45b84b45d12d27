from common import *

import numpy as np

# concepts:
# cropping, tiling

# description:
# In the input you will see one object.
# Output it twice, side by side.
def transform(input_grid: np.ndarray) -> np.ndarray:
    sprite = crop(input_grid)
    n, m = sprite.shape
    output_grid = np.zeros((n, 2 * m), dtype=int)
    blit_sprite(output_grid, sprite, x=0, y=0)
    blit_sprite(output_grid, sprite, x=0, y=m)
    return output_grid
