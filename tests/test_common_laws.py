"""Laws that hold between the functions of `common`, whatever the grid."""

from itertools import combinations

import numpy as np
from hypothesis import given, settings
from hypothesis import strategies as st
from hypothesis.extra import numpy as npst

from arcbench.dsl.common import (
    MirrorSymmetry,
    blit_object,
    bounding_box,
    bounding_box_mask,
    collision,
    contact,
    crop,
    detect_mirror_symmetry,
    detect_objects,
    detect_rotational_symmetry,
    detect_translational_symmetry,
    draw_line,
    find_connected_components,
    flood_fill,
    is_contiguous,
    object_boundary,
    object_colors,
    object_interior,
    object_neighbors,
    object_position,
    orbit,
    scale_sprite,
    translate,
)
from tests.test_common_symmetry import patterns

side = st.integers(1, 7)
arrays = npst.arrays(
    st.sampled_from([np.int64, np.int8, np.uint8]),
    st.tuples(side, side),
    elements=st.sampled_from([0, 0, 0, 1, 2, 9]),
)
connectivities = st.sampled_from([4, 8])
offset = st.integers(-7, 7)


@given(arrays, connectivities, st.booleans())
def test_objects_laid_onto_an_empty_grid_give_the_grid_again(grid, connectivity, monochromatic):
    canvas = np.zeros_like(grid)
    for obj in find_connected_components(grid, 0, connectivity, monochromatic):
        blit_object(canvas, obj)
    assert np.array_equal(canvas, grid)


@given(arrays, connectivities, st.booleans())
def test_an_object_is_contiguous_and_one_object_itself(grid, connectivity, monochromatic):
    for obj in find_connected_components(grid, 0, connectivity, monochromatic):
        assert is_contiguous(obj, connectivity=connectivity)
        (again,) = find_connected_components(obj, 0, connectivity, monochromatic)
        assert np.array_equal(again, obj)
        assert len(object_colors(obj)) == 1 or not monochromatic


@given(arrays, connectivities, st.booleans())
def test_detected_components_are_the_same_objects_in_another_order(grid, connectivity, one_color):
    found = detect_objects(grid, connectivity=connectivity, monochromatic=one_color)
    plain = find_connected_components(grid, 0, connectivity, one_color)
    assert sorted(o.tobytes() for o in found) == sorted(o.tobytes() for o in plain)
    areas = [crop(o).size for o in found]
    assert areas == sorted(areas, reverse=True)


@settings(deadline=None)
@given(arrays, st.lists(st.tuples(st.integers(1, 3), st.integers(1, 3)), min_size=1, max_size=2))
def test_detected_windows_share_no_cell(grid, sizes):
    found = detect_objects(grid[:4, :4], allowed_dimensions=sizes)
    for a, b in combinations(found, 2):
        assert not collision(object1=a, object2=b)


@given(arrays, st.integers(0, 2))
def test_outside_of_the_smallest_box_is_nothing_and_its_sides_are_not_empty(grid, background):
    mask = bounding_box_mask(grid, background)
    assert (grid[~mask] == background).all()
    content = crop(grid, background)
    if content.size:
        filled = content != background
        assert filled[0].any() and filled[-1].any()  # noqa: PT018
        assert filled[:, 0].any() and filled[:, -1].any()  # noqa: PT018
        assert content.shape == bounding_box(grid, background)[2:]


@given(arrays, offset, offset)
def test_an_object_that_stays_inside_is_moved_there_and_back(obj, x, y):
    moved = translate(obj, x, y)
    if np.count_nonzero(moved) == np.count_nonzero(obj):
        assert np.array_equal(translate(moved, -x, -y), obj)
        if obj.any():
            left, upper = object_position(obj)
            assert object_position(moved) == (left + x, upper + y)


@given(arrays, offset, offset)
def test_placing_an_object_is_the_same_as_moving_it(obj, x, y):
    other = obj[::-1]
    if np.count_nonzero(translate(other, x, y)) == np.count_nonzero(other):
        placed = collision(object1=obj, object2=other, x2=x, y2=y)
        assert placed == collision(object1=obj, object2=translate(other, x, y))


@given(arrays, arrays, offset, offset, connectivities)
def test_collision_and_contact_don_t_depend_on_the_order(a, b, x, y, connectivity):
    there = {"object1": a, "object2": b, "x2": x, "y2": y}
    back = {"object1": b, "object2": a, "x1": x, "y1": y}
    assert collision(**there) == collision(**back)
    touches = contact(**there, connectivity=connectivity)
    assert touches == contact(**back, connectivity=connectivity)
    assert touches or not collision(**there)
    assert contact(**there, connectivity=8) or not contact(**there, connectivity=4)


@given(arrays, connectivities)
def test_boundary_object_and_interior_lie_in_each_other(grid, connectivity):
    filled = grid != 0
    boundary, interior = object_boundary(grid), object_interior(grid)
    neighbors = object_neighbors(grid, connectivity=connectivity)
    assert not (boundary & ~filled).any()
    assert not (filled & ~interior).any()
    assert not (neighbors & filled).any()
    assert boundary.any() == filled.any()
    assert np.array_equal(object_interior(interior.astype(int)), interior)  # no holes are left


@given(st.data(), arrays, connectivities)
def test_a_filled_region_is_filled_back_unless_it_has_met_its_new_color(data, grid, connectivity):
    x = data.draw(st.integers(0, grid.shape[0] - 1))
    y = data.draw(st.integers(0, grid.shape[1] - 1))
    before, old = grid.copy(), int(grid[x, y])
    flood_fill(grid, x, y, 7, connectivity)
    assert (grid[before != old] == before[before != old]).all()
    flood_fill(grid, x, y, old, connectivity)
    assert np.array_equal(grid, before)


@given(arrays, st.integers(1, 4))
def test_a_scaled_sprite_holds_the_sprite_in_its_every_block(sprite, factor):
    scaled = scale_sprite(sprite, factor)
    for i in range(factor):
        assert np.array_equal(scaled[i::factor, i::factor], sprite)


@given(st.data(), arrays)
def test_a_line_back_from_where_a_line_stopped_covers_the_same_cells(data, grid):
    x = data.draw(st.integers(0, grid.shape[0] - 1))
    y = data.draw(st.integers(0, grid.shape[1] - 1))
    direction = data.draw(st.sampled_from([(0, 1), (1, 1), (-1, 0), (1, -1)]))
    there, back = grid.copy(), grid.copy()
    stop_x, stop_y = draw_line(there, x, y, direction=direction, color=7)
    assert draw_line(back, stop_x, stop_y, end_x=x, end_y=y, color=7) == (x, y)
    assert np.array_equal(there, back)


@given(patterns)
def test_orbits_of_detected_symmetries_have_one_color(grid):
    translations = detect_translational_symmetry(grid, ignore_colors=[])
    mirrors = detect_mirror_symmetry(grid, ignore_colors=[])
    for symmetries in (translations, *([mirror] for mirror in mirrors)):
        for x, y in np.ndindex(grid.shape):
            points = orbit(grid, x, y, symmetries)
            assert (x, y) in points
            assert {int(grid[p]) for p in points} == {int(grid[x, y])}
    turn = detect_rotational_symmetry(grid, ignore_colors=[])
    for x, y in np.ndindex(grid.shape) if turn else ():
        to_x, to_y = turn.apply(x, y)
        if 0 <= to_x < grid.shape[0] and 0 <= to_y < grid.shape[1]:
            assert grid[to_x, to_y] == grid[x, y]


@given(arrays)
def test_a_grid_painted_orbit_by_orbit_is_symmetric(grid):
    width, height = grid.shape
    both = [MirrorSymmetry((width - 1) / 2, None), MirrorSymmetry(None, (height - 1) / 2)]
    for x, y in np.ndindex(grid.shape):
        for point in orbit(grid, x, y, both):
            grid[point] = grid[x, y]
    assert np.array_equal(grid, grid[::-1])
    assert np.array_equal(grid, grid[:, ::-1])
    # The middle axes are found again unless another one does as well.
    if grid.any():
        assert detect_mirror_symmetry(grid)
