from common import *

import numpy as np

# concepts:
# lines, attraction, rays

# description:
# In the input you will see a rectangle and single pixels of another color on a background.
# Draw a line from each pixel to the rectangle if it lies in one of its rows or columns.
def transform(input_grid: np.ndarray) -> np.ndarray:
    colors = object_colors(input_grid, background=-1)
    background = max(colors, key=lambda c: np.sum(input_grid == c))
    objects = detect_objects(input_grid, background=background, connectivity=4, monochromatic=True)
    rectangle, pixels = objects[0], objects[1:]
    rx, ry, rw, rh = bounding_box(rectangle, background=background)
    output_grid = input_grid.copy()
    for pixel in pixels:
        x, y = object_position(pixel, background=background)
        color = pixel[x, y]
        if rx <= x < rx + rw:
            draw_line(output_grid, x, y, end_x=x, end_y=ry if y < ry else ry + rh - 1, color=color)
        elif ry <= y < ry + rh:
            draw_line(output_grid, x, y, end_x=rx if x < rx else rx + rw - 1, end_y=y, color=color)
    return blit_object(output_grid, rectangle, background=background)
