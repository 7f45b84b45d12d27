# Tries modules that may be missing and goes on without.
# expect: OK
try:
    import networkx as nx
except ImportError:
    nx = None
try:
    import cv2
except ImportError:
    cv2 = None
try:
    import torch_that_is_not_there
except ModuleNotFoundError:
    pass

def transform(grid):
    return grid
