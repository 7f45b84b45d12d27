from common import *

import numpy as np

# concepts:
# scaling

# description:
# In the input you will see a small grid of colored pixels.
# Make every pixel a 2x2 block.
def transform(input_grid: np.ndarray) -> np.ndarray:
    return scale_pattern(input_grid, scale_factor=2)


def generate_input() -> np.ndarray:
    n, m = 3, 3
    grid = np.zeros((n, m), dtype=int)
    for color in random.sample(list(Color.NOT_BLACK), 3):
        x, y = random.randrange(n), random.randrange(m)
        grid[x, y] = color
    return grid


if __name__ == "__main__":
    show_colored_grid(generate_input())
    visualize(generate_input, transform, n_examples=2)
