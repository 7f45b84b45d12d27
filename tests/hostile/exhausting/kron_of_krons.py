# Multiplies the grid with itself until it does not fit.
# expect: OUT_OF_MEMORY | TIMEOUT
# outputs: none
import numpy as np

def transform(grid):
    while True:
        grid = np.kron(grid, grid)
