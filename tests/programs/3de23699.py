from common import *

import numpy as np

# concepts:
# cropping, corners, recoloring

# description:
# In the input you will see four pixels of one color as corners of an area, and an object inside.
# Crop the area between the corners, and recolor the object with their color.
def transform(input_grid: np.ndarray) -> np.ndarray:
    colors = object_colors(input_grid, background=Color.BLACK)
    # The corners are the color with the larger box
    def area(color):
        _, _, w, h = bounding_box(np.where(input_grid == color, color, Color.BLACK))
        return w * h
    corner_color = max(colors, key=area)
    inside = crop(input_grid)[1:-1, 1:-1].copy()
    inside[inside != Color.BLACK] = corner_color
    return inside
