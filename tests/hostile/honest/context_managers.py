# Uses context managers that capture what is printed.
# expect: OK
import contextlib
import io
import numpy as np

def transform(grid):
    with contextlib.redirect_stdout(io.StringIO()) as text, np.errstate(all="ignore"):
        print("kept")
    assert text.getvalue() == "kept\n"
    np.array([1.0]) / 0
    return grid
