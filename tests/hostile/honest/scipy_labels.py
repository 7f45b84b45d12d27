# Labels components with scipy.
# expect: OK
from scipy.ndimage import label
from scipy import ndimage

def transform(grid):
    labels, count = label(grid, structure=ndimage.generate_binary_structure(2, 2))
    assert count >= 1 and labels.shape == grid.shape
    return grid
