"""A vocabulary of grid operations, one well-named call a concept: `from concepts import *`.

Every function takes a grid (2-D integer array, rows by columns, colours 0–9) first, returns a new
grid, changes nothing in place, and gives a copy of the grid back where the concept does not apply.
"""

# ruff: noqa: F403  (the star imports are what this package is for)

import numpy as np

from arcbench.dsl.concepts import (
    colors,
    counting,
    drawing,
    filling,
    geometry,
    layout,
    lines,
    objects,
    panels,
    patterns,
    physics,
    relations,
    symmetry,
)
from arcbench.dsl.concepts.colors import *
from arcbench.dsl.concepts.counting import *
from arcbench.dsl.concepts.drawing import *
from arcbench.dsl.concepts.filling import *
from arcbench.dsl.concepts.geometry import *
from arcbench.dsl.concepts.layout import *
from arcbench.dsl.concepts.lines import *
from arcbench.dsl.concepts.objects import *
from arcbench.dsl.concepts.panels import *
from arcbench.dsl.concepts.patterns import *
from arcbench.dsl.concepts.physics import *
from arcbench.dsl.concepts.relations import *
from arcbench.dsl.concepts.symmetry import *

# Every submodule lists its public functions; `np` comes along as programs expect it.
MODULES = (
    colors, counting, drawing, filling, geometry, layout, lines, objects, panels, patterns, physics,
    relations, symmetry,
)  # fmt: skip
__all__ = ["np", *(name for module in MODULES for name in module.__all__)]
