from common import *

import numpy as np

# concepts:
# noise removal, size

# description:
# In the input you will see rectangles and single pixels of one color.
# Remove the single pixels, also those that touch a rectangle.
def transform(input_grid: np.ndarray) -> np.ndarray:
    output_grid = np.zeros_like(input_grid)
    # Rectangles are made of full 2x2 windows
    windows = detect_objects(input_grid, allowed_dimensions=[(2, 2)], can_overlap=True,
                             predicate=lambda window: np.all(window != Color.BLACK))
    for window in windows:
        blit_object(output_grid, window, background=Color.BLACK)
    return output_grid
