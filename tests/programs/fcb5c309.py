from common import *

import numpy as np

# concepts:
# counting, frames, cropping

# description:
# In the input you will see frames of one color and scattered pixels of another color.
# Crop the frame that holds the most pixels, and recolor it with the pixels' color.
def transform(input_grid: np.ndarray) -> np.ndarray:
    objects = detect_objects(input_grid, connectivity=4, monochromatic=True)
    frame_color = object_colors(objects[0])[0]
    pixel_color = [c for c in object_colors(input_grid) if c != frame_color][0]

    def pixels_inside(obj):
        x, y, w, h = bounding_box(obj)
        return np.sum(input_grid[x:x + w, y:y + h] == pixel_color)

    frames = [obj for obj in objects if frame_color in object_colors(obj)]
    best = max(frames, key=pixels_inside)
    x, y, w, h = bounding_box(best)
    output_grid = input_grid[x:x + w, y:y + h].copy()
    output_grid[output_grid == frame_color] = pixel_color
    return output_grid
