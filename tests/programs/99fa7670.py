from common import *

import numpy as np

# concepts:
# lines, falling

# description:
# In the input you will see colored pixels on a black background, all in different rows.
# Draw a line from each pixel to the right edge. From there a line of its color goes down until
# it meets the line of the next pixel, or the bottom.
def transform(input_grid):
    output_grid = input_grid.copy()
    pixels = sorted(tuple(p) for p in np.argwhere(input_grid != Color.BLACK))

    for x, y in pixels:
        draw_line(output_grid, x, y, direction=(0, 1), color=input_grid[x, y])

    last_column = input_grid.shape[1] - 1
    for x, y in pixels:
        color = input_grid[x, y]
        draw_line(
            output_grid, x + 1, last_column, direction=(1, 0), color=color,
            stop_at_color=Color.NOT_BLACK,
        )
    return output_grid


def generate_input():
    n, m = random.randint(7, 10), random.randint(5, 10)
    grid = np.zeros((n, m), dtype=int)
    for x in randomly_spaced_indices(n, n_indices=2, border_size=1, padding=1):
        grid[x, random.randrange(m - 1)] = random.choice(list(Color.NOT_BLACK))
    return grid
