from common import *

import numpy as np
from typing import *

# concepts:
# counting, most common object

# description:
# In the input you will see several objects, some of them more than once.
# Return the object that appears most often.
def transform(input_grid: np.ndarray) -> np.ndarray:
    objects = find_connected_components(input_grid, connectivity=8, monochromatic=True)
    sprites: List[np.ndarray] = [crop(obj) for obj in objects]
    counts = [sum(np.array_equal(a, b) for b in sprites) for a in sprites]
    return sprites[int(np.argmax(counts))]
