"""What programs in BARC's style ask of numpy; numpy 2.4 refuses most of it, hence the pin."""

import numpy as np
import pytest

from arcbench.sandbox import Program, SandboxPool

GRID = np.array([[0, 0, 5], [0, 3, 5], [1, 0, 0]])

# Lines of a `transform` that ends with `return out`; the cell (0, 0) becomes the number.
CONSTRUCTS = {
    "int of an array of length 1": ("out[0, 0] = int(np.where(grid == 3)[0])", 1),
    "int of a slice of one cell": ("out[0, 0] = int(grid[1:2, 1:2])", 3),
    "float of an array of length 1": ("out[0, 0] = float(grid[grid == 3])", 3),
    "a cell set to an array of length 1": ("out[0, 0] = grid[grid == 3]", 3),
    "truth of an array of length 1": ("out[0, 0] = 7 if grid[grid == 3] else 8", 7),
    "np.in1d": ("out[0, 0] = np.in1d(grid, [5]).sum()", 2),
    "np.row_stack": ("out[0, 0] = len(np.row_stack((grid, grid)))", 6),
    "np.trapz": ("out[0, 0] = np.trapz([2, 2, 2])", 4),
    "np.sum of a generator": ("out[0, 0] = np.sum(v == 5 for v in grid.flatten())", 2),
    "str of a cell as a key": ("out[0, 0] = {str(v): v for v in grid.flatten()}['3']", 3),
}


@pytest.fixture(scope="module")
def executions():
    head = "import numpy as np\ndef transform(grid):\n    out = grid.copy()\n    "
    programs = [
        Program(code=f"{head}{line}\n    return out\n", inputs=(GRID,))
        for line, _ in CONSTRUCTS.values()
    ]
    with SandboxPool(workers=1) as pool:
        return dict(zip(CONSTRUCTS, pool.run(programs), strict=True))


@pytest.mark.parametrize("construct", CONSTRUCTS)
def test_a_construct_of_barc_programs_is_accepted_without_a_word(construct, executions):
    execution = executions[construct]
    assert execution.outcome.ok, execution.message
    expected = GRID.copy()
    expected[0, 0] = CONSTRUCTS[construct][1]
    assert np.array_equal(execution.grids[0], expected)
    assert execution.stdout == ""
