from common import *

import numpy as np

# concepts:
# objects, surrounded pixel

# description:
# In the input you will see scattered pixels, and one pixel that is surrounded by another color.
# Return the color of the surrounded pixel.
def transform(input_grid: np.ndarray) -> np.ndarray:
    blocks = detect_objects(
        input_grid,
        allowed_dimensions=[(3, 3)],
        can_overlap=True,
        predicate=lambda window: np.all(window != Color.BLACK) and len(object_colors(window)) == 2,
    )
    for block in blocks:
        sprite = crop(block)
        ring = sprite.copy()
        ring[1, 1] = ring[0, 0]
        if len(object_colors(ring)) == 1:
            return sprite[1:2, 1:2]
