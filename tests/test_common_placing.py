import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from hypothesis.extra import numpy as npst

from arcbench.dsl.common import (
    blit,
    blit_object,
    blit_sprite,
    bounding_box,
    bounding_box_mask,
    crop,
    object_colors,
    object_position,
    scale_pattern,
    scale_sprite,
    translate,
)

side = st.integers(1, 7)
arrays = npst.arrays(np.int64, st.tuples(side, side), elements=st.integers(0, 3))
offset = st.integers(-8, 8)


@given(arrays, arrays, offset, offset, st.sampled_from([None, 0, 1]))
def test_blit_writes_exactly_the_cells_that_land_inside_and_are_not_background(
    grid, sprite, x, y, background
):
    expected = grid.copy()
    for i, j in np.ndindex(sprite.shape):
        inside = 0 <= x + i < grid.shape[0] and 0 <= y + j < grid.shape[1]
        if inside and (background is None or sprite[i, j] != background):
            expected[x + i, y + j] = sprite[i, j]
    assert blit(grid=grid, sprite=sprite, x=x, y=y, background=background) is grid
    assert np.array_equal(grid, expected)


def test_blit_takes_positions_through_int_and_sprites_have_a_black_background():
    grid = np.full((3, 3), 5)
    blit_sprite(grid, np.array([[0, 1]]), x=np.float64(1.9), y=-0.9)
    assert grid.tolist() == [[5, 5, 5], [5, 1, 5], [5, 5, 5]]
    blit(grid, np.array([[0, 1]]), x=np.int8(1), y=0)
    assert grid.tolist() == [[5, 5, 5], [0, 1, 5], [5, 5, 5]]
    with pytest.raises(TypeError):
        blit(grid, grid, x=None, y=0)
    with pytest.raises(TypeError):
        blit_sprite(grid, grid)


def test_blit_object_writes_where_the_object_stands():
    grid = np.array([[1, 1], [1, 1]])
    assert blit_object(grid, np.array([[0, 2], [3, 3], [4, 4]])) is grid
    assert grid.tolist() == [[1, 2], [3, 3]]
    blit_object(grid, np.array([[0, 2]]), background=None)
    assert grid.tolist() == [[0, 2], [3, 3]]


@given(arrays, st.sampled_from(["transpose", "turn", "flip", "part"]), offset, offset)
def test_blit_of_a_view_of_the_grid_reads_what_it_has_written(grid, view, x, y):
    def make(g):
        return {"transpose": g.T, "turn": np.rot90(g), "flip": g[::-1], "part": g[1:, 1:]}[view]

    expected = grid.copy()
    sprite = make(expected)
    for i in range(sprite.shape[0]):
        for j in range(sprite.shape[1]):
            if 0 <= x + i < grid.shape[0] and 0 <= y + j < grid.shape[1]:
                expected[x + i, y + j] = sprite[i, j]
    blit(grid, make(grid), x, y)
    assert np.array_equal(grid, expected)


@given(arrays, st.integers(0, 3))
def test_the_bounding_box_is_the_smallest_that_holds_all_cells(grid, background):
    cells = np.argwhere(grid != background)
    box = bounding_box(grid, background=background)
    assert all(type(value) is int for value in box)
    if len(cells) == 0:
        assert box == (*grid.shape, -grid.shape[0], -grid.shape[1])
        assert crop(grid, background=background).shape == (0, 0)
        assert not bounding_box_mask(grid, background).any()
        return
    low, high = cells.min(axis=0), cells.max(axis=0)
    assert box == (*low, *(high - low + 1))
    mask = bounding_box_mask(grid, background)
    assert mask.sum() == box[2] * box[3]
    assert mask[tuple(cells.T)].all()


@given(arrays)
def test_blitting_the_crop_where_it_was_restores_the_grid(grid):
    x, y, _, _ = bounding_box(grid)
    restored = blit(np.zeros_like(grid), crop(grid), x=x, y=y)
    assert np.array_equal(restored, grid)


def test_crop_is_a_view():
    grid = np.array([[0, 0, 0], [0, 1, 2]])
    crop(grid)[0, 0] = 7
    assert grid.tolist() == [[0, 0, 0], [0, 7, 2]]
    assert crop(grid, background=None).shape == (2, 3)


def test_lists_are_refused_as_grids():
    for call in (bounding_box, crop, object_colors, lambda g: scale_sprite(g, 2)):
        with pytest.raises(AttributeError):
            call([[0, 1]])


@pytest.mark.parametrize(
    ("anchor", "point"),
    [
        ("upper left", (1, 2)), ("upper right", (4, 2)), ("lower left", (1, 4)),
        ("Lower Right", (4, 4)), ("center", (2.5, 3)), ("upper center", (2.5, 2)),
        ("lower center", (2.5, 4)), ("left center", (1, 3)), ("right center", (4, 3)),
        ("top left", (1, 2)), ("bottomcenter", (2.5, 4)),
    ],
)  # fmt: skip
def test_the_position_of_an_object_is_the_anchor_of_its_box(anchor, point):
    obj = np.zeros((6, 6), dtype=int)
    obj[1:5, 2:5] = 3
    position = object_position(obj, background=0, anchor=anchor)
    assert position == point
    assert [type(p) for p in position] == [float if p == 2.5 else int for p in point]


@pytest.mark.parametrize("anchor", ["left", "middle", "center left", ""])
def test_an_unknown_anchor_is_an_assertion_error(anchor):
    with pytest.raises(AssertionError):
        object_position(np.ones((2, 2)), anchor=anchor)


def test_an_empty_object_stands_at_the_grid_s_end():
    assert object_position(np.zeros((3, 4))) == (3, 4)


def test_colors_come_as_numpy_scalars_in_the_order_of_a_set():
    assert object_colors(np.array([[9, 8], [1, 2]])) == [8, 9, 2, 1]
    assert object_colors(np.array([[1, 9, 8, 0]])) == [8, 1, 9]
    assert object_colors(np.array([[5, 3, 1], [4, 2, 2]], dtype=np.int8)) == [1, 2, 3, 4, 5]
    assert object_colors(np.array([[0, 3]]), background=3) == [0]
    assert object_colors(np.array([[0, 3]]), background=None) == [0, 3]
    assert isinstance(object_colors(np.array([[3]]))[0], np.integer)


@given(arrays, offset, offset)
def test_translate_moves_every_cell_and_loses_what_leaves(obj, x, y):
    before = obj.copy()
    moved = translate(obj, x=np.int64(x), y=y, background=9)
    for i, j in np.ndindex(obj.shape):
        inside = 0 <= i - x < obj.shape[0] and 0 <= j - y < obj.shape[1]
        assert moved[i, j] == (obj[i - x, j - y] if inside else 9)
    assert np.array_equal(obj, before)
    assert moved.dtype == obj.dtype


def test_translate_refuses_fractions_and_no_background():
    with pytest.raises(IndexError):
        translate(np.ones((2, 2), dtype=int), 1.0, 0)
    with pytest.raises(TypeError):
        translate(np.ones((2, 2), dtype=int), 1, 0, background=None)


def test_scaling_makes_blocks():
    sprite = np.array([[1, 2]], dtype=np.int8)
    scaled = scale_sprite(sprite, factor=np.int64(2))
    assert scaled.tolist() == [[1, 1, 2, 2], [1, 1, 2, 2]]
    assert scaled.dtype == sprite.dtype
    assert scale_sprite(sprite, 0).shape == (0, 0)
    assert scale_pattern(pattern=sprite, scale_factor=3).shape == (3, 6)
    with pytest.raises(TypeError):
        scale_sprite(sprite, 2.0)
