# Asks for annotations of the future and uses types of its own in them.
# expect: OK
from __future__ import annotations

import numpy as np
import numpy.typing as npt

def transform(grid: npt.NDArray[np.int_]) -> Grid | None:
    return grid
