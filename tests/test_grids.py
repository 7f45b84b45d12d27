import numpy as np
import pytest
from hypothesis import given

from arcbench.grids import GridError, as_grid, fingerprint, same_grid, to_lists
from tests.strategies import grids


@given(grids())
def test_a_grid_survives_the_way_through_lists(grid):
    assert same_grid(as_grid(to_lists(grid)), grid)


@given(grids(), grids())
def test_fingerprints_are_equal_exactly_when_grids_are(a, b):
    assert (fingerprint(a) == fingerprint(b)) == same_grid(a, b)


@given(grids())
def test_a_grid_cannot_be_written_to(grid):
    with pytest.raises(ValueError, match="read-only"):
        as_grid(grid)[0, 0] = 1


@pytest.mark.parametrize(
    ("value", "why"),
    [
        ([[1, 2], [3]], "row 1 has 1 cells, row 0 has 2"),
        ([[10]], r"cell \(0, 0\) is 10"),
        ([[-1]], r"cell \(0, 0\) is -1"),
        ([[True]], "is True, not an integer"),
        ([[1.0]], "is 1.0, not an integer"),
        ([["1"]], "is '1', not an integer"),
        ([], "at least one cell"),
        ([[]], "at least one cell"),
        ([1, 2], "row 0 is int"),
        ("12", "a list of rows, not str"),
        (None, "a list of rows, not NoneType"),
        ([[0] * 31], "this grid is 1x31"),
        ([[0]] * 31, "this grid is 31x1"),
        (np.zeros((2, 2)), "of type float64"),
        (np.zeros((2, 2, 2), dtype=int), "this has 3"),
        (np.zeros((0, 3), dtype=int), "this grid is 0x3"),
        (np.array([[300]]), "this grid has 300"),
    ],
)
def test_what_is_no_grid_is_refused_with_the_reason(value, why):
    with pytest.raises(GridError, match=why):
        as_grid(value)
