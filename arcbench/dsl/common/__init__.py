"""What ARC programs in BARC's style import as `common`.

Arrays are indexed grid[x, y]: x is the first index and "width" the length of the first axis. A
sprite is a small array; an object is an array of the grid's size that is background elsewhere.
"""

import random

# The old spelling, because programs annotate with these names without importing them.
from typing import Any, Callable, Dict, List, Optional, Set, Tuple, Union  # noqa: UP035

import numpy as np
from numpy.typing import NDArray

from .colors import Color
from .debug import show_colored_grid, visualize
from .detection import (
    detect_mirror_symmetry,
    detect_rotational_symmetry,
    detect_translational_symmetry,
)
from .drawing import draw_line, flood_fill
from .masks import is_contiguous, object_boundary, object_interior, object_neighbors
from .measuring import bounding_box, bounding_box_mask, object_colors, object_position
from .objects import detect_objects, find_connected_components
from .placing import (
    blit,
    blit_object,
    blit_sprite,
    crop,
    scale_pattern,
    scale_sprite,
    translate,
)
from .relations import check_between_objects, collision, contact
from .sprites import (
    apply_diagonal_symmetry,
    apply_symmetry,
    generate_sprite,
    random_free_location_for_object,
    random_free_location_for_sprite,
    random_sprite,
    randomly_scatter_points,
    randomly_spaced_indices,
)
from .symmetry import MirrorSymmetry, Symmetry, TranslationalSymmetry, orbit

__all__ = [
    "Any",
    "Callable",
    "Color",
    "Dict",
    "List",
    "MirrorSymmetry",
    "NDArray",
    "Optional",
    "Set",
    "Symmetry",
    "TranslationalSymmetry",
    "Tuple",
    "Union",
    "apply_diagonal_symmetry",
    "apply_symmetry",
    "blit",
    "blit_object",
    "blit_sprite",
    "bounding_box",
    "bounding_box_mask",
    "check_between_objects",
    "collision",
    "contact",
    "crop",
    "detect_mirror_symmetry",
    "detect_objects",
    "detect_rotational_symmetry",
    "detect_translational_symmetry",
    "draw_line",
    "find_connected_components",
    "flood_fill",
    "generate_sprite",
    "is_contiguous",
    "np",
    "object_boundary",
    "object_colors",
    "object_interior",
    "object_neighbors",
    "object_position",
    "orbit",
    "random",
    "random_free_location_for_object",
    "random_free_location_for_sprite",
    "random_sprite",
    "randomly_scatter_points",
    "randomly_spaced_indices",
    "scale_pattern",
    "scale_sprite",
    "show_colored_grid",
    "translate",
    "visualize",
]
