from common import *

import numpy as np

# concepts:
# translation, objects

# description:
# In the input you will see a blue object on a black background.
# Move the object down by one pixel.
def main(input_grid):
    obj = find_connected_components(input_grid, connectivity=8)[0]
    # Rows are the first index, so down is +x
    return translate(obj, x=1, y=0, background=Color.BLACK)
