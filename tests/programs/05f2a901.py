from common import *

import numpy as np

# concepts:
# translation, contact, attraction

# description:
# In the input you will see a red object and a teal square.
# Move the red object straight towards the teal one until they touch.
def transform(input_grid: np.ndarray) -> np.ndarray:
    objects = find_connected_components(input_grid, connectivity=8, monochromatic=True)
    red = [obj for obj in objects if Color.RED in object_colors(obj)][0]
    teal = [obj for obj in objects if Color.TEAL in object_colors(obj)][0]

    for direction in [(0, 1), (0, -1), (1, 0), (-1, 0)]:
        for distance in range(max(input_grid.shape)):
            moved = translate(red, direction[0] * distance, direction[1] * distance)
            if contact(object1=moved, object2=teal, background=Color.BLACK, connectivity=4):
                output_grid = np.zeros_like(input_grid)
                blit_object(output_grid, teal)
                return blit_object(output_grid, moved)
