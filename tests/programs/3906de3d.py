from common import *

import numpy as np

# concepts:
# contact, translation, gravity, collision

# description:
# In the input you will see a blue shape at the top with gaps in it and red bars below.
# Move every red bar up until it touches the blue shape.
def main(input_grid):
    blue = np.where(input_grid == Color.BLUE, Color.BLUE, Color.BLACK)
    red = np.where(input_grid == Color.RED, Color.RED, Color.BLACK)
    output_grid = blue.copy()

    for y in range(input_grid.shape[1]):
        # Bars may stand side by side, so take one column at a time
        bar = np.zeros_like(red)
        bar[:, y] = red[:, y]
        if not bar.any():
            continue
        # Up is -x here, because rows are the first index
        steps = 0
        top, _ = object_position(bar, anchor="upper left")
        while steps < top and not collision(object1=bar, object2=blue, x1=-steps - 1):
            steps += 1
        blit_object(output_grid, translate(bar, x=-steps, y=0))

    return output_grid


def generate_input():
    n = 10
    grid = np.zeros((n, n), dtype=int)
    gaps = randomly_spaced_indices(n, random.randint(1, 2), border_size=1, padding=2)
    grid[0:4, 1:9] = Color.BLUE
    for y in gaps:
        depth = random.randint(1, 2)
        grid[4 - depth : 4, y] = Color.BLACK
        draw_line(grid, x=n - 1, y=y, length=random.randint(2, 4), direction=(-1, 0), color=Color.RED)
    return grid
