from common import *

import numpy as np

# concepts:
# noise removal, size

# description:
# In the input you will see pixels of one color on a black background.
# Remove all objects that are a single pixel.
def transform(input_grid: np.ndarray) -> np.ndarray:
    output_grid = np.zeros_like(input_grid)
    objects = detect_objects(input_grid, predicate=lambda sprite: np.sum(sprite != Color.BLACK) > 1,
                             connectivity=8, monochromatic=True)
    for obj in objects:
        blit_object(output_grid, obj, background=Color.BLACK)
    return output_grid
