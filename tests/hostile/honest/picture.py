# Draws with what is installed for pictures, if it is.
# expect: OK
try:
    from PIL import Image
except ImportError:
    Image = None
import numpy as np

def transform(grid):
    if Image is not None:
        return np.array(Image.fromarray(grid.astype(np.uint8)))
    return grid
