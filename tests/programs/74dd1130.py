from common import *
import numpy as np
from typing import *

# concepts:
# transposition, symmetry

# description:
# In the input you will see a 3x3 grid full of colored pixels.
# Mirror the grid at its diagonal.

def transform(input_grid: np.ndarray) -> np.ndarray:
    cells: Dict[Tuple[int, int], int] = {}
    for (x, y), color in np.ndenumerate(input_grid):
        cells[y, x] = color
    output_grid = np.full(input_grid.T.shape, Color.BLACK)
    for (x, y), color in cells.items():
        output_grid[x, y] = color
    return output_grid

def generate_input(side: Optional[int] = None) -> np.ndarray:
    side = 3 if side is None else side
    colors: Set[int] = set(random.sample(Color.NOT_BLACK, k=3))
    palette: Union[List[int], Tuple[int, ...]] = list(colors)
    return np.array([[random.choice(palette) for _ in range(side)] for _ in range(side)])
