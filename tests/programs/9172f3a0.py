from common import *


# concepts:
# scaling

# description:
# In the input you will see a 3x3 grid.
# Scale every pixel to a 3x3 block.
def transform(input_grid: np.ndarray) -> np.ndarray:
    return scale_pattern(input_grid, scale_factor=3)
