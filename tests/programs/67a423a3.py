from common import *

import numpy as np

# concepts:
# intersection, surrounding pixels, lines

# description:
# In the input you will see a horizontal and a vertical line that cross each other.
# Surround the pixel where they cross with yellow.
def transform(input_grid: np.ndarray) -> np.ndarray:
    rows, columns = (input_grid != Color.BLACK).sum(axis=1), (input_grid != Color.BLACK).sum(axis=0)
    x, y = int(np.argmax(rows)), int(np.argmax(columns))

    crossing = np.zeros_like(input_grid)
    crossing[x, y] = input_grid[x, y]

    output_grid = input_grid.copy()
    output_grid[object_neighbors(crossing, background=Color.BLACK, connectivity=8)] = Color.YELLOW
    return output_grid


def generate_input() -> np.ndarray:
    n, m = np.random.randint(4, 13, size=2)
    grid = np.zeros((n, m), dtype=int)
    colors = random.sample([c for c in Color.NOT_BLACK if c != Color.YELLOW], 2)
    draw_line(grid, np.random.randint(1, n - 1), 0, direction=(0, 1), color=colors[0])
    draw_line(grid, 0, np.random.randint(1, m - 1), direction=(1, 0), color=colors[1])
    return grid
