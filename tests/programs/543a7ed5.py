from common import *

import numpy as np

# concepts:
# borders, filling, enclosed areas

# description:
# In the input you will see pink frames on a teal background.
# Surround each frame with green, and fill its inside with yellow.
def transform(input_grid: np.ndarray) -> np.ndarray:
    output_grid = input_grid.copy()
    frames = find_connected_components(input_grid, background=Color.TEAL, connectivity=8)
    for frame in frames:
        inside = object_interior(frame, background=Color.TEAL) & (frame == Color.TEAL)
        # Only the outer side gets a border: fill the frame first
        filled = frame.copy()
        filled[inside] = Color.PINK
        output_grid[object_neighbors(filled, background=Color.TEAL, connectivity=8)] = Color.GREEN
        output_grid[inside] = Color.YELLOW
    return output_grid
