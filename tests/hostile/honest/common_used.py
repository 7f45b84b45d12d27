# Uses functions of `common` as BARC's programs do.
# expect: OK
from common import *

def transform(input_grid):
    output_grid = np.full_like(input_grid, Color.BLACK)
    for x, y in np.argwhere(input_grid != Color.BLACK):
        output_grid[x, y] = input_grid[x, y]
    find_connected_components(input_grid, background=Color.BLACK, connectivity=8, monochromatic=False)
    return output_grid
