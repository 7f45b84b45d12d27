import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from hypothesis.extra import numpy as npst

from arcbench.dsl.common import draw_line, flood_fill

side = st.integers(1, 8)
arrays = npst.arrays(np.int64, st.tuples(side, side), elements=st.integers(0, 2))


def neighbors(x, y, shape, connectivity):
    for dx in (-1, 0, 1):
        for dy in (-1, 0, 1):
            if (dx, dy) != (0, 0) and (connectivity == 8 or dx == 0 or dy == 0):
                a, b = x + dx, y + dy
                if 0 <= a < shape[0] and 0 <= b < shape[1]:
                    yield a, b


def region(grid, x, y, connectivity):
    """The connected region of one colour, cell by cell."""
    seen, todo = {(x, y)}, [(x, y)]
    while todo:
        for cell in neighbors(*todo.pop(), grid.shape, connectivity):
            if cell not in seen and grid[cell] == grid[x, y]:
                seen.add(cell)
                todo.append(cell)
    return seen


@given(st.data(), arrays, st.integers(0, 3), st.sampled_from([4, 8]))
def test_a_flood_fill_reaches_exactly_the_connected_region(data, grid, color, connectivity):
    x = data.draw(st.integers(0, grid.shape[0] - 1))
    y = data.draw(st.integers(0, grid.shape[1] - 1))
    expected = grid.copy()
    for cell in region(grid, x, y, connectivity):
        expected[cell] = color
    assert flood_fill(grid, x=x, y=np.int64(y), color=color, connectivity=connectivity) is None
    assert np.array_equal(grid, expected)


def test_a_flood_fill_manages_grids_of_any_size():
    grid = np.zeros((60, 60), dtype=int)
    flood_fill(grid, 30, 30, 4)
    assert (grid == 4).all()


def test_a_flood_fill_from_nowhere_is_an_error():
    grid = np.zeros((3, 3), dtype=int)
    for x in (3, 1.0):
        with pytest.raises(IndexError):
            flood_fill(grid, x, 0, 1)
    with pytest.raises(AssertionError):
        flood_fill(grid, 0, 0, 1, connectivity=5)
    assert not grid.any()


def test_a_line_to_an_end_point_off_the_diagonal_misses_it():
    grid = np.zeros((5, 5), dtype=int)
    assert draw_line(grid, 0, 0, end_x=3, end_y=1, color=2) == (3, 3)
    assert np.argwhere(grid == 2).tolist() == [[0, 0], [1, 1], [2, 2], [3, 3]]


@pytest.mark.parametrize(
    "direction",
    [(1, 0), [1, 0], (7, 0), np.array([1, 0]), np.array([3, 0], dtype=np.int8), (np.True_, False)],
)
def test_directions_are_reduced_to_signs_whatever_holds_them(direction):
    grid = np.zeros((4, 3), dtype=int)
    stop = draw_line(grid, np.int64(1), 1.0, direction=direction, color=5)
    assert stop == (3, 1)
    assert [type(s) for s in stop] == [int, int]
    assert np.argwhere(grid == 5).tolist() == [[1, 1], [2, 1], [3, 1]]


@pytest.mark.parametrize("kind", [np.uint8, np.int8, np.uint32, np.int64])
def test_ends_of_any_integer_type_are_reached_backwards_too(kind):
    grid = np.zeros((6, 6), dtype=np.uint8)
    stop = draw_line(grid, kind(5), kind(5), end_x=kind(2), end_y=kind(5), color=kind(3))
    assert stop == (2, 5)
    assert np.argwhere(grid == 3).tolist() == [[2, 5], [3, 5], [4, 5], [5, 5]]


def test_a_negative_numpy_direction_goes_back():
    grid = np.zeros((4, 3), dtype=int)
    assert draw_line(grid, 2, 2, direction=np.sign(np.array([-5, -1])), color=5) == (0, 0)
    assert np.argwhere(grid == 5).tolist() == [[0, 0], [1, 1], [2, 2]]


def test_a_line_stops_before_a_color_even_at_its_first_cell():
    grid = np.zeros((1, 5), dtype=int)
    grid[0, 3] = 8
    assert draw_line(grid, 0, 0, direction=(0, 1), color=1, stop_at_color=[8]) == (0, 2)
    assert grid.tolist() == [[1, 1, 1, 8, 0]]
    assert draw_line(grid, 0, 3, direction=(0, 1), color=1, stop_at_color={8}) == (0, 3)
    assert grid.tolist() == [[1, 1, 1, 8, 0]]


def test_a_line_may_enter_from_outside_and_is_as_long_as_told():
    grid = np.zeros((1, 5), dtype=int)
    assert draw_line(grid, 0, -2, length=4, direction=(0, 1), color=3) == (0, 1)
    assert grid.tolist() == [[3, 3, 0, 0, 0]]
    assert draw_line(grid, 0, 9, length=2, direction=(0, 1), color=3) == (0, 9)
    assert draw_line(grid, 0, 4, length=0, direction=(0, 1), color=3) == (0, 4)
    # A given end outweighs length and direction.
    draw_line(grid, 0, 4, end_x=0, end_y=3, length=1, direction=(1, 0), color=6)
    assert grid.tolist() == [[3, 3, 0, 6, 6]]


@pytest.mark.parametrize(
    ("arguments", "error"),
    [
        ({"x": 1.5, "direction": (1, 0)}, AssertionError),
        ({"end_x": 2}, AssertionError),
        ({"end_y": 2}, AssertionError),
        ({}, TypeError),
        ({"direction": (1, 0), "length": 2.0}, TypeError),
        ({"end_x": 2.0, "end_y": 0}, TypeError),
        ({"direction": (1.0, 0)}, IndexError),
        ({"direction": np.array([1.0, 0.0])}, IndexError),
        ({"direction": (1, 0), "stop_at_color": 3}, TypeError),
        ({"direction": (1, 0), "stop_at_color": None}, TypeError),
        ({"direction": (1, 0), "color": None}, TypeError),
    ],
)
def test_lines_that_make_no_sense_are_errors(arguments, error):
    with pytest.raises(error):
        draw_line(np.zeros((3, 3), dtype=int), **{"x": 0, "y": 0, "color": 1} | arguments)
