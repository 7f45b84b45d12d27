from common import *

import numpy as np

# concepts:
# size, counting, tallest, shortest

# description:
# In the input you will see gray bars standing on the bottom.
# Make the tallest blue and the shortest red, and remove the others.
def transform(input_grid: np.ndarray) -> np.ndarray:
    bars = detect_objects(input_grid, connectivity=4, monochromatic=True)
    output_grid = np.zeros_like(input_grid)
    # Detected objects come largest first
    output_grid[bars[0] != Color.BLACK] = Color.BLUE
    output_grid[bars[-1] != Color.BLACK] = Color.RED
    return output_grid
