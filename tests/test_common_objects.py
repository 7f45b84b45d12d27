from itertools import product

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from hypothesis.extra import numpy as npst

from arcbench.dsl.common import (
    bounding_box,
    check_between_objects,
    collision,
    contact,
    crop,
    detect_objects,
    find_connected_components,
    is_contiguous,
    object_boundary,
    object_interior,
    object_neighbors,
)
from tests.test_common_drawing import neighbors, region

side = st.integers(1, 6)
arrays = npst.arrays(np.int64, st.tuples(side, side), elements=st.integers(0, 3))
connectivities = st.sampled_from([4, 8])
offset = st.integers(-7, 7)


def components(grid, background, connectivity):
    """Monochromatic components in row-major order of their first cells, by brute force."""
    seen, found = set(), []
    for cell in np.ndindex(grid.shape):
        if grid[cell] != background and cell not in seen:
            cells = region(grid, *cell, connectivity)
            seen |= cells
            obj = np.full(grid.shape, background)
            for c in cells:
                obj[c] = grid[c]
            found.append(obj)
    return found


def same(found, expected):
    return len(found) == len(expected) and all(
        np.array_equal(a, b) for a, b in zip(found, expected, strict=True)
    )


@given(arrays, st.integers(0, 3), connectivities)
def test_components_of_one_color_come_by_color_in_set_order_then_by_first_cell(
    grid, background, connectivity
):
    expected = [
        component
        for color in set(grid.flatten()) - {background}
        for component in components(grid, background, connectivity)
        if (component == color).any()
    ]
    found = find_connected_components(
        grid=grid, background=background, connectivity=connectivity, monochromatic=True
    )
    assert same(found, expected)


@given(arrays, st.integers(0, 4), connectivities)
def test_components_of_all_colors_partition_the_foreground(grid, background, connectivity):
    found = find_connected_components(grid, background, connectivity, monochromatic=False)
    expected = components((grid != background).astype(int), 0, connectivity)
    assert same([(f != background).astype(int) for f in found], expected)
    for component in found:
        shown = component != background
        assert np.array_equal(component[shown], grid[shown])
    assert is_contiguous(grid, background, connectivity) == (len(expected) == 1)


def test_colors_with_colliding_hashes_come_in_the_order_of_the_table():
    found = find_connected_components(np.array([[9, 8, 1, 2]]))
    assert [int(o.max()) for o in found] == [8, 9, 2, 1]
    found = find_connected_components(np.array([[1, 9, 8]], dtype=np.int8))
    assert [int(o.max()) for o in found] == [8, 1, 9]


def test_components_are_default_ints_but_floats_stay_floats():
    for dtype, expected in [("int8", int), ("uint8", int), ("bool", int), ("float32", "float32")]:
        (obj,) = find_connected_components(np.eye(1, 3, dtype=dtype))
        assert obj.dtype == expected
        assert obj.tolist() == [[1, 0, 0]]


def test_components_are_independent_arrays():
    first, second = find_connected_components(np.array([[1, 0, 1]]))
    first[:] = 5
    assert second.tolist() == [[0, 0, 1]]


def test_components_need_a_known_connectivity_and_a_background():
    for call in (find_connected_components, is_contiguous):
        with pytest.raises(ValueError, match="connectivity"):
            call(np.zeros((2, 2), dtype=int), connectivity=6)
    with pytest.raises(TypeError):
        find_connected_components(np.ones((2, 2), dtype=int), background=None)
    assert find_connected_components(np.zeros((0, 0), dtype=int)) == []


@given(st.lists(st.tuples(side, side, st.integers(1, 3), st.integers(1, 3)), max_size=7))
@settings(deadline=None)
def test_windows_that_may_not_overlap_are_chosen_as_an_exhaustive_search_does(corners):
    grid = np.zeros((8, 8), dtype=int)
    for x, y, width, height in corners[:3]:
        grid[x : x + width, y : y + height] = 1
    allowed = {(x, y, w, h) for x, y, w, h in corners}
    sizes = sorted({(w, h) for _, _, w, h in corners})
    windows = [
        (x, y, w, h)
        for w, h in sizes
        for x, y in product(range(8), range(8))
        if (x, y, w, h) in allowed and x + w <= 8 and y + h <= 8
    ]
    # The predicate knows where it is called because the windows are views of the grid.
    base = grid.__array_interface__["data"][0]

    def predicate(window):
        x, y = divmod((window.__array_interface__["data"][0] - base) // grid.itemsize, 8)
        return (x, y, *window.shape) in allowed

    objects = []
    for x, y, w, h in windows:
        obj = np.zeros_like(grid)
        obj[x : x + w, y : y + h] = grid[x : x + w, y : y + h]
        if obj.any():
            objects.append(obj)
    overlapping = detect_objects(
        grid, predicate=predicate, allowed_dimensions=sizes, can_overlap=True
    )
    assert same(overlapping, objects)
    chosen = detect_objects(grid, predicate=predicate, allowed_dimensions=sizes)
    assert same(chosen, exhaustive_choice(objects))


def exhaustive_choice(objects):
    """The choice among objects that overlap, as it is specified."""

    def size(obj):
        _, _, width, height = bounding_box(obj)
        return width * height, np.count_nonzero(obj)

    objects = sorted(objects, key=size, reverse=True)
    clashes = [
        [i != j and bool(((a != 0) & (b != 0)).any()) for j, b in enumerate(objects)]
        for i, a in enumerate(objects)
    ]
    alone = [o for o, row in zip(objects, clashes, strict=True) if not any(row)]
    others = [i for i, row in enumerate(clashes) if any(row)]

    def covered(chosen):
        return int(np.any([objects[i] != 0 for i in chosen], axis=0).sum()) if chosen else 0

    def search(rest, chosen):
        if not rest:
            return chosen
        leaving = None
        if not any(clashes[rest[0]][j] for j in chosen):
            taking = search(rest[1:], [*chosen, rest[0]])
            if covered(taking) == covered(others):
                return taking
            leaving = search(rest[1:], chosen)
            return taking if covered(taking) > covered(leaving) else leaving
        return search(rest[1:], chosen)

    return alone + [objects[i] for i in search(others, [])]


def test_detected_components_come_largest_first():
    grid = np.array([[1, 0, 2, 2], [0, 0, 0, 2], [3, 3, 0, 0]])
    found = detect_objects(grid, connectivity=4)
    assert [int(o.max()) for o in found] == [2, 3, 1]
    assert detect_objects(grid) == []
    assert len(detect_objects(grid, connectivity=8, can_overlap=True)) == 3


def test_detected_components_are_filtered_by_color_and_by_predicate_on_the_crop():
    grid = np.array([[1, 1, 0, 2], [0, 0, 0, 3], [4, 0, 0, 0]])
    assert len(detect_objects(grid, connectivity=4, monochromatic=False)) == 3
    assert len(detect_objects(grid, connectivity=4, monochromatic=True)) == 4
    assert len(detect_objects(grid, connectivity=4, colors=[1, 2, 3])) == 2
    assert len(detect_objects(grid, connectivity=4, colors=[])) == 3
    found = detect_objects(grid, predicate=lambda s: s.shape == (2, 1), connectivity=4)
    assert [crop(o).tolist() for o in found] == [[[2], [3]]]


def test_allowed_dimensions_drop_components_and_slide_windows():
    grid = np.array([[1, 2, 0], [0, 0, 0]])
    found = detect_objects(grid, allowed_dimensions=[(1, 2)], connectivity=4, can_overlap=True)
    assert [o.tolist() for o in found] == [[[1, 2, 0], [0, 0, 0]], [[0, 2, 0], [0, 0, 0]]]
    # Only a component as large as the grid is kept, and the window that equals it is skipped.
    found = detect_objects(grid, allowed_dimensions=[(2, 3)], connectivity=4, can_overlap=True)
    assert [o.tolist() for o in found] == [grid.tolist()]
    assert detect_objects(grid, allowed_dimensions=[(1, 2)], colors=[]) == []
    assert len(detect_objects(grid, allowed_dimensions=[(1, 1)], colors=[2])) == 1
    assert detect_objects(grid, allowed_dimensions=[(5, 5), (0, 1)]) == []


def test_windows_on_a_full_grid_are_found_fast():
    grid = np.ones((30, 30), dtype=int)
    assert len(detect_objects(grid, allowed_dimensions=[(3, 3)])) == 100
    assert len(detect_objects(grid, allowed_dimensions=[(4, 4)])) == 49


@given(arrays, arrays, offset, offset, offset, offset, st.integers(0, 3), connectivities)
def test_collision_and_contact_are_shared_and_neighboring_cells(
    a, b, x1, y1, x2, y2, background, connectivity
):
    first = {(i + x1, j + y1) for i, j in np.argwhere(a != background).tolist()}
    second = {(i + x2, j + y2) for i, j in np.argwhere(b != background).tolist()}
    near = {
        (i + dx, j + dy)
        for i, j in second
        for dx, dy in product((-1, 0, 1), repeat=2)
        if connectivity == 8 or 0 in (dx, dy)
    }
    places = {"x1": x1, "y1": y1, "x2": np.int64(x2), "y2": float(y2), "background": background}
    collides = collision(object1=a, object2=b, **places)
    touches = contact(object1=a, object2=b, connectivity=connectivity, **places)
    assert (collides, touches) == (bool(first & second), bool(first & near))
    assert type(collides) is type(touches) is bool


@pytest.mark.parametrize("kind", [np.uint8, np.int8, np.int64])
def test_collision_and_contact_take_positions_of_any_integer_type(kind):
    dot, line = np.array([[1]]), np.array([[0, 0, 2]])
    places = {"x1": kind(1), "y1": kind(4), "x2": kind(1), "y2": kind(2)}
    assert collision(object1=dot, object2=line, **places)
    assert contact(object1=dot, object2=line, **places | {"x1": kind(2)})
    assert not contact(object1=dot, object2=line, **places | {"x1": kind(3)})


def test_collision_and_contact_need_keywords():
    a = np.ones((2, 2), dtype=int)
    for call in (collision, contact):
        with pytest.raises(AttributeError):
            call(a, a)
    with pytest.raises(ValueError, match="connectivity"):
        contact(object1=a, object2=a, connectivity=1)


def test_a_point_between_objects_lies_in_the_gap_of_their_boxes():
    one, other = np.zeros((9, 9), dtype=int), np.zeros((9, 9), dtype=int)
    one[0:2, 2:6] = 1
    other[6:8, 3:8] = 2
    between = {
        (x, y) for x, y in np.ndindex(9, 9) if check_between_objects(obj1=one, obj2=other, x=x, y=y)
    }
    assert between == {(x, y) for x in range(2, 6) for y in range(3, 6)}
    assert between == {
        (y, x) for x, y in np.ndindex(9, 9) if check_between_objects(other.T, one.T, x, y)
    }
    padded = [y for y in range(9) if check_between_objects(one, other, 3, y, padding=1)]
    assert padded == [4]
    assert type(check_between_objects(one, other, np.int64(3), 4)) is bool


@given(arrays, st.integers(0, 3), connectivities)
def test_masks_are_what_the_outside_cannot_reach(grid, background, connectivity):
    empty = np.pad((grid == background).astype(int), 1, constant_values=1)
    outside = {(x - 1, y - 1) for x, y in region(empty, 0, 0, 4)}
    cells = list(np.ndindex(grid.shape))
    interior = {c for c in cells if c not in outside}
    steps = ((0, 1), (1, 0), (0, -1), (-1, 0))
    boundary = {
        (x, y)
        for x, y in cells
        if grid[x, y] != background and any((x + a, y + b) in outside for a, b in steps)
    }
    around = {
        c
        for c in cells
        if grid[c] == background
        and any(n in boundary for n in neighbors(*c, grid.shape, connectivity))
    }
    for mask, expected in [
        (object_interior(grid=grid, background=background), interior),
        (object_boundary(grid=grid, background=background), boundary),
        (object_neighbors(grid, background=background, connectivity=connectivity), around),
    ]:
        assert mask.dtype == bool
        assert mask.shape == grid.shape
        assert {tuple(c) for c in np.argwhere(mask).tolist()} == expected


def test_a_hole_is_interior_and_its_wall_is_boundary_only_where_it_is_thin():
    ring = np.zeros((7, 7), dtype=int)
    ring[1:6, 1:6] = 3
    ring[3, 3] = 0
    assert object_interior(ring)[3, 3]
    assert not object_boundary(ring)[2, 3]
    assert not object_neighbors(ring)[3, 3]
    thin = np.pad(ring[2:5, 2:5], 1)
    assert object_neighbors(thin)[2, 2]
    assert not object_interior(np.zeros((3, 3), dtype=int)).any()
    assert object_interior(np.zeros((3, 3), dtype=int), background=None).all()


def test_contiguity_works_on_bools_and_is_false_for_nothing():
    assert is_contiguous(np.array([[True, True]]))
    assert not is_contiguous(np.array([[True, False, True]]))
    assert not is_contiguous(np.zeros((2, 2), dtype=bool))
    assert is_contiguous(bitmask=np.eye(3, dtype=int), background=0, connectivity=8)
    assert not is_contiguous(np.eye(3, dtype=int))
