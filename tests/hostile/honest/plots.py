# Imports what is used to look at grids, without drawing.
# expect: OK
try:
    import matplotlib.pyplot as plt
    from matplotlib import colors
except ModuleNotFoundError:
    pass

def transform(grid):
    return grid
