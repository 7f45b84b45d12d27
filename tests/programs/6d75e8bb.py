from common import *

import numpy as np

# concepts:
# bounding box, filling

# description:
# In the input you will see a teal object.
# Fill the black pixels of its bounding box with red.
def transform(input_grid: np.ndarray) -> np.ndarray:
    output_grid = input_grid.copy()
    x, y, width, height = bounding_box(input_grid, background=Color.BLACK)
    box = np.full((width, height), Color.RED)
    blit_sprite(output_grid, box, x=x, y=y)
    return blit_object(output_grid, input_grid, background=Color.BLACK)
