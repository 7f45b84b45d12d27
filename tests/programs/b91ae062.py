from common import *


# concepts:
# scaling, counting

# description:
# In the input you will see a small grid of colors.
# Scale it by the number of different colors in it.
def transform(input_grid: np.ndarray) -> np.ndarray:
    return scale_sprite(input_grid, len(object_colors(input_grid, background=Color.BLACK)))
