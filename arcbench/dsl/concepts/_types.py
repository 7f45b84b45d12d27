"""Types of the concept functions; the coverage tool reads from them which values to try."""

from typing import Any, Literal

import numpy as np
import numpy.typing as npt

Array = npt.NDArray[np.int64]  # (rows, columns), colours 0–9
AnyArray = npt.NDArray[Any]
Direction = Literal["up", "down", "left", "right"]
Side = Literal["top", "bottom", "left", "right"]
Corner = Literal["top_left", "top_right", "bottom_left", "bottom_right"]
Axis = Literal["horizontal", "vertical"]
Line = Literal["row", "column"]
