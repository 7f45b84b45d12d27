# Calls its function `main`, as BARC's programs do.
# expect: OK
from common import *

import numpy as np
from typing import *

# concepts:
# none
def main(input_grid: np.ndarray) -> np.ndarray:
    return input_grid
