"""The short forms of the library's fastest definitions, which written-out programs carry."""

from typing import get_args

import numpy as np
from hypothesis import given, settings
from hypothesis import strategies as st
from hypothesis.extra.numpy import array_shapes, arrays

from arcbench.dsl.common import _cells
from arcbench.dsl.concepts import _components, drawing, layout, symmetry
from arcbench.synth import plain_forms
from arcbench.synth.family import Draft
from arcbench.synth.plain import plain_program

SHAPES = array_shapes(min_dims=2, max_dims=2, min_side=1, max_side=9)
GRIDS = arrays(np.int64, SHAPES, elements=st.sampled_from([0, 0, 0, 1, 2]))


@given(GRIDS, st.sampled_from([4, 8]))
@settings(max_examples=60, deadline=None)
def test_components_are_the_same(grid, connectivity):
    foreground = grid != 1
    own = _cells.components(grid, foreground, connectivity)
    assert plain_forms.components(grid, foreground, connectivity) == own
    # Asked once more, whatever has been done with the list.
    _cells.components(grid, foreground, connectivity).clear()
    assert _cells.components(grid, foreground, connectivity) == own


def test_keys_that_are_no_colours_part_cells_as_colours_do():
    grid = np.array([[1, 1, 2], [0, 2, 2]])
    parts = _cells.components(grid, grid > 0, 4)
    names = np.array([0, -3, 700])
    for keys in (names[grid], names[grid] / 2, np.array(["", "a", "b"], dtype=object)[grid]):
        assert _cells.components(keys, grid > 0, 4) == parts
    apart = _cells.components(np.full((1, 2), np.nan), np.ones((1, 2), dtype=bool), 4)
    assert apart == [[0], [1]]  # no number, so not even equal to itself


@given(GRIDS, st.sampled_from(get_args(_components.Kind)))
@settings(max_examples=60, deadline=None)
def test_a_thing_says_the_same_of_itself(grid, kind):
    for thing in _components.things(grid, kind):
        plain = plain_forms.Thing(grid, thing.flat, thing.background)
        for name in ("box", "counts", "color", "mark_color", "shape_key", "holes", "is_symmetric"):
            assert getattr(plain, name) == getattr(thing, name)
        assert np.array_equal(plain.mask, thing.mask)
        assert np.array_equal(plain.patch, thing.patch)


@given(GRIDS, st.lists(st.tuples(*[st.integers(0, 8)] * 4, st.integers(0, 3)), max_size=3))
@settings(max_examples=100, deadline=None)
def test_the_same_frame_is_the_largest(grid, frames):
    for top, left, height, width, color in frames:
        part = grid[top : top + height, left : left + width]
        inside = part[1:-1, 1:-1].copy()
        part[:] = color
        part[1:-1, 1:-1] = inside
    one, other = plain_forms._largest_frame(grid), layout._largest_frame(grid)
    assert (one and one.flat) == (other and other.flat)


@given(GRIDS, st.sampled_from(get_args(symmetry.Kind)), st.booleans())
@settings(max_examples=150, deadline=None)
def test_symmetry_is_completed_in_the_same_way(grid, kind, torn):
    if torn:  # nearly symmetric, with a border around it
        grid = np.pad(np.maximum(grid, grid[::-1, ::-1]), ((1, 2), (0, 1)))
        grid[1, 0] = 0
    one, other = plain_forms.complete_symmetry(grid, kind), symmetry.complete_symmetry(grid, kind)
    assert one.dtype == other.dtype
    assert np.array_equal(one, other)


def test_calls_that_choose_differently_from_one_table_are_both_written_out():
    """Was wrong once: the table had the first call's choice alone."""
    grid = np.zeros((7, 7), dtype=int)
    grid[3, 3], grid[0, 6] = 1, 2
    first, second = "surround(grid, 1, 3, 'ring')", "surround(grid, 2, 4, 'far_x')"
    nested = second.replace("(grid,", f"({first},", 1)
    for steps in ((first, second), (nested,)):
        draft = Draft(concepts=("dots",), steps=steps, draw_input=lambda rng: grid)
        space: dict = {}
        exec(plain_program(draft), space)
        want = drawing.surround(drawing.surround(grid, 1, 3, "ring"), 2, 4, "far_x")
        assert np.array_equal(space["transform"](grid.copy()), want)
