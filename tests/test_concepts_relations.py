"""Concepts in which one object says what happens to another."""

import numpy as np
from hypothesis import given
from hypothesis import strategies as st

from arcbench.dsl.concepts import (
    bounce,
    connect_panels,
    extend_corners,
    fill_largest_rectangle,
    recolor_same_shape,
    recolor_touching,
    repeat_objects,
)
from arcbench.reference.grids import grid_of

GRIDS = st.integers(1, 9).flatmap(
    lambda rows: st.integers(1, 9).flatmap(
        lambda columns: st.lists(
            st.lists(st.sampled_from([0, 0, 0, 1, 2, 5]), min_size=columns, max_size=columns),
            min_size=rows, max_size=rows,
        )
    )
).map(np.array)  # fmt: skip


def largest_by_trying(free: np.ndarray) -> int:
    """The area of the largest full rectangle, by trying all of them."""
    rows, columns = free.shape
    return max(
        (
            (b - a) * (d - c)
            for a in range(rows)
            for b in range(a + 1, rows + 1)
            for c in range(columns)
            for d in range(c + 1, columns + 1)
            if free[a:b, c:d].all()
        ),
        default=0,
    )


@given(GRIDS)
def test_the_filled_rectangle_is_the_largest_free_one(grid):
    ground = 0 if (grid == 0).any() else np.bincount(grid.ravel()).argmax()
    changed = fill_largest_rectangle(grid, 9) == 9
    assert changed.sum() == largest_by_trying(grid == ground)
    rows, columns = np.nonzero(changed)
    if len(rows):
        assert changed[rows.min() : rows.max() + 1, columns.min() : columns.max() + 1].all()


@given(GRIDS, st.sampled_from(["up", "down", "left", "right"]))
def test_nothing_that_is_there_is_painted_over(grid, way):
    ground = 0 if (grid == 0).any() else np.bincount(grid.ravel()).argmax()
    kept = grid != ground
    for out in (bounce(grid, way), repeat_objects(grid, way), extend_corners(grid, 7)):
        assert out.shape == grid.shape
        assert np.array_equal(out[kept], grid[kept])
    assert np.array_equal(bounce(grid.T, "left"), bounce(grid, "up").T)


def test_copies_of_the_object_ahead_stay():
    grid = grid_of("1.2...")
    assert np.array_equal(repeat_objects(grid), grid_of("1.2.2."))
    assert np.array_equal(repeat_objects(grid[:, ::-1], "left"), repeat_objects(grid)[:, ::-1])
    assert np.array_equal(repeat_objects(grid.T, "down"), repeat_objects(grid).T)
    assert np.array_equal(repeat_objects(grid[:, ::-1].T, "up"), repeat_objects(grid).T[::-1])


def test_only_objects_of_the_same_form_take_the_colour():
    grid = grid_of("11.2.11", ".1...1.", "......1")
    assert np.array_equal(recolor_same_shape(grid, 2), grid)
    grid = grid_of("11.22.11", "1..2..1.", "........", "11......", ".1......")
    want = grid_of("22.22.22", "2..2..2.", "........", "11......", ".1......")
    assert np.array_equal(recolor_same_shape(grid, 2), want)


def test_touching_is_at_an_edge():
    grid = grid_of("11.1.1", "..2..2", "......")
    assert np.array_equal(recolor_touching(grid, 1, 2, 4), grid_of("11.1.4", "..2..2", "......"))


def test_panels_between_two_of_a_colour_are_filled_and_others_kept():
    grid = grid_of("1515.", "55555", ".5.53", "55555", "15.51")
    assert np.array_equal(
        connect_panels(grid_of("15.51", "55555", ".5.52", "55555", ".5.5.")),
        grid_of("15151", "55555", ".5.52", "55555", ".5.5."),
    )
    out = connect_panels(grid)
    assert np.array_equal(out, grid_of("1515.", "55555", "15.53", "55555", "15151"))
