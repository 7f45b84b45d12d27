# Imports scipy only when it is called.
# expect: OK
def transform(grid):
    from scipy.spatial.distance import cdist
    from scipy.ndimage import binary_fill_holes
    assert cdist([[0, 0]], [[3, 4]])[0, 0] == 5
    assert binary_fill_holes(grid > 0).shape == grid.shape
    return grid
