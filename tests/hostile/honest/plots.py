# Imports what is used to look at grids, without drawing.
# expect: OK
# xfail: matplotlib asks for a folder that it may write to
try:
    import matplotlib.pyplot as plt
    from matplotlib import colors
except ModuleNotFoundError:
    pass

def transform(grid):
    return grid
