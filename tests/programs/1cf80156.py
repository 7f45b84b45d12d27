from common import *

import numpy as np

# concepts:
# cropping, objects

# description:
# In the input you will see one object on a black background.
# Crop the grid to the object.
def main(input_grid):
    return crop(input_grid, background=Color.BLACK)
