from common import *

import numpy as np

# concepts:
# lines, attraction

# description:
# In the input you will see a green square and pixels of other colors.
# Pixels in the square's rows or columns send a line to the square, unless another pixel is in the way.
def transform(input_grid: np.ndarray) -> np.ndarray:
    output_grid = input_grid.copy()
    square = np.where(input_grid == Color.GREEN, Color.GREEN, Color.BLACK)
    for x, y in np.argwhere(input_grid - square != Color.BLACK):
        color = input_grid[x, y]
        for dx, dy in [(0, 1), (1, 0), (0, -1), (-1, 0)]:
            # Try the line on a copy, and keep it if it ends at the square
            trial = input_grid.copy()
            end_x, end_y = draw_line(trial, x + dx, y + dy, direction=(dx, dy), color=color,
                                     stop_at_color=Color.NOT_BLACK)
            next_x, next_y = end_x + dx, end_y + dy
            inside = 0 <= next_x < trial.shape[0] and 0 <= next_y < trial.shape[1]
            if inside and trial[end_x, end_y] == color and square[next_x, next_y] == Color.GREEN:
                draw_line(output_grid, x, y, end_x=end_x, end_y=end_y, color=color)
    return output_grid
