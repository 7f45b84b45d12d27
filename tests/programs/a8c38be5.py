from common import *

import numpy as np

# concepts:
# objects, assembling, windows

# description:
# In the input you will see small gray squares with a colored mark at an edge or a corner.
# Put them together into a 9x9 square, so that every mark lies on the square's outside.
def transform(input_grid: np.ndarray) -> np.ndarray:
    output_grid = np.full((9, 9), Color.GREY)
    # The squares may touch, so look for full 3x3 windows that don't overlap
    pieces = detect_objects(input_grid, allowed_dimensions=[(3, 3)], can_overlap=False,
                            predicate=lambda window: np.all(window != Color.BLACK))
    for piece in pieces:
        sprite = crop(piece)
        marks = np.argwhere(sprite != Color.GREY)
        if len(marks) == 0:
            continue
        # The middle of the marks points to where the piece belongs
        place = [0 if c < 0.9 else 6 if c > 1.1 else 3 for c in marks.mean(axis=0)]
        blit_sprite(output_grid, sprite, x=place[0], y=place[1])
    return output_grid
