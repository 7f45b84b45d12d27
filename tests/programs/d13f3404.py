from common import *

import numpy as np

# concepts:
# diagonal, lines, growing

# description:
# In the input you will see a 3x3 grid with some colored pixels.
# Double the size of the grid and let every pixel leave a diagonal trail down to the right.
def main(input_grid):
    n, m = input_grid.shape
    output_grid = np.zeros((2 * n, 2 * m), dtype=int)
    for x, y in np.argwhere(input_grid != Color.BLACK):
        direction = np.sign(np.array([2 * n, 2 * m]) - (x, y))
        draw_line(output_grid, x, y, direction=direction, color=input_grid[x, y])
    return output_grid


def generate_input():
    grid = random_sprite(n=3, m=[3], density=0.4, connectivity=8, symmetry="not_symmetric")
    # A pixel must not run into the trail of another one
    for x, y in np.argwhere(grid != Color.BLACK):
        if x > 0 and y > 0:
            grid[x, y] = Color.BLACK
    return grid
