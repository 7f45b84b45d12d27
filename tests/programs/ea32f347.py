from common import *

import numpy as np

# concepts:
# size, length, recoloring

# description:
# In the input you will see three gray lines of different length.
# Recolor the longest blue, the next yellow and the shortest red.
def transform(input_grid: np.ndarray) -> np.ndarray:
    output_grid = input_grid.copy()
    lines = detect_objects(grid=input_grid, background=Color.BLACK, monochromatic=True, connectivity=8)
    for line, color in zip(lines, [Color.BLUE, Color.YELLOW, Color.RED]):
        output_grid[line != Color.BLACK] = color
    return output_grid
