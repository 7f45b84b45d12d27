from common import *

import numpy as np

# concepts:
# mirror, symmetry

# description:
# In the input you will see a square grid full of colored pixels.
# Mirror the grid left to right.
def main(input_grid: NDArray) -> NDArray:
    n, m = input_grid.shape
    flip: Symmetry = MirrorSymmetry(mirror_x=None, mirror_y=(m - 1) / 2)

    output_grid = np.zeros_like(input_grid)
    for x in range(n):
        for y in range(m):
            new_x, new_y = flip.apply(x, y)
            output_grid[new_x, new_y] = input_grid[x, y]
    return output_grid


def generate_input() -> NDArray:
    n = np.random.randint(3, 8)
    grid = np.zeros((n, n), dtype=int)
    # Every color gets a few of the pixels that are still black
    for color in np.random.choice(Color.NOT_BLACK, size=3, replace=False):
        randomly_scatter_points(grid, color=color, density=0.25)
    grid[grid == Color.BLACK] = Color.GRAY
    return grid
