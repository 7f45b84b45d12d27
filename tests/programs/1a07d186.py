from common import *

import numpy as np

# concepts:
# attraction, contact, lines

# description:
# In the input you will see colored lines across the grid and single pixels.
# Pixels of a line's color move to it until they touch it, others disappear.
def transform(input_grid: np.ndarray) -> np.ndarray:
    objects = find_connected_components(input_grid, connectivity=4, monochromatic=True)
    lines = [obj for obj in objects if np.sum(obj != Color.BLACK) > 3]
    pixels = [obj for obj in objects if np.sum(obj != Color.BLACK) == 1]
    output_grid = np.zeros_like(input_grid)
    for line in lines:
        blit_object(output_grid, line)
    for pixel in pixels:
        for line in lines:
            if object_colors(pixel) != object_colors(line):
                continue
            x, y = object_position(pixel)
            line_x, line_y, width, height = bounding_box(line)
            direction = np.sign([0, line_y - y]) if height == 1 else np.sign([line_x - x, 0])
            while not contact(object1=pixel, object2=line):
                pixel = translate(pixel, direction[0], direction[1])
            blit_object(output_grid, pixel)
    return output_grid
