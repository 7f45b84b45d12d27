import random

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from hypothesis.extra import numpy as npst

from arcbench.dsl.common import (
    apply_diagonal_symmetry,
    apply_symmetry,
    generate_sprite,
    is_contiguous,
    random_free_location_for_object,
    random_free_location_for_sprite,
    random_sprite,
    randomly_scatter_points,
    randomly_spaced_indices,
)

SYMMETRIES = ["horizontal", "vertical", "mirror", "diagonal", "radial", "not_symmetric"]
seeds = st.integers(0, 2**32 - 1)
side = st.integers(1, 7)


def seed_all(seed):
    random.seed(seed)
    np.random.seed(seed)  # noqa: NPY002 - the library draws from the global generators


def has_symmetry(sprite, symmetry):
    equal = np.array_equal
    turned = sprite.shape[0] == sprite.shape[1] and equal(sprite, np.rot90(sprite))
    return {
        "horizontal": equal(sprite, sprite[::-1]),
        "vertical": equal(sprite, sprite[:, ::-1]),
        "mirror": equal(sprite, sprite[::-1]) and equal(sprite, sprite[:, ::-1]),
        "diagonal": equal(sprite, sprite.T) or equal(sprite, np.rot90(sprite, 2).T),
        "radial": turned,
        "not_symmetric": True,
    }[symmetry]


@settings(deadline=None, max_examples=150)
@given(
    seeds, side, side, st.sampled_from([*SYMMETRIES, None]), st.floats(0.1, 1),
    st.sampled_from([4, 8]), st.sampled_from([None, [3], [1, 2, 4]]), st.sampled_from([0, 5]),
)  # fmt: skip
def test_a_random_sprite_is_symmetric_in_one_piece_and_reaches_all_sides(
    seed, n, m, symmetry, density, connectivity, palette, background
):
    seed_all(seed)
    if symmetry in ("diagonal", "radial"):
        m = n
    sprite = random_sprite(
        n=n, m=m, density=density, symmetry=symmetry, color_palette=palette,
        connectivity=connectivity, background=background,
    )  # fmt: skip
    assert sprite.shape == (n, m)
    assert sprite.dtype == int
    filled = sprite != background
    assert filled[0].any() and filled[-1].any() and filled[:, 0].any() and filled[:, -1].any()  # noqa: PT018
    assert is_contiguous(sprite, background, connectivity)
    assert symmetry is None or has_symmetry(sprite, symmetry)
    assert set(sprite.flatten().tolist()) <= set(palette or range(10)) | {background}
    seed_all(seed)
    again = random_sprite(n, m, density, symmetry, palette, connectivity, background)
    assert np.array_equal(sprite, again)


def test_sides_are_drawn_from_lists_and_ranges():
    shapes = {random_sprite([2, 3], range(4, 6)).shape for _ in range(60)}
    assert shapes == {(2, 4), (2, 5), (3, 4), (3, 5)}
    assert random_sprite((3, 4), np.array([4, 5]), symmetry="radial").shape == (4, 4)
    with pytest.raises(IndexError):
        random_sprite([2, 3], 4, symmetry="diagonal")
    with pytest.raises(ValueError, match="unknown symmetry"):
        random_sprite(3, 3, symmetry="wavy")
    with pytest.raises(ValueError, match="in one piece"):
        random_sprite(3, 3, color_palette=[0])


def test_every_symmetry_is_drawn_when_none_is_wished():
    kinds = {s for _ in range(80) for s in SYMMETRIES if has_symmetry(random_sprite(5, 5), s)}
    assert kinds == set(SYMMETRIES)


def test_a_full_sprite_is_full():
    for symmetry in SYMMETRIES:
        assert random_sprite(5, 5, density=1, symmetry=symmetry).all()
    assert random_sprite(1, 4).all()


@settings(deadline=None)
@given(seeds, side, side, st.sampled_from(SYMMETRIES))
def test_a_generated_sprite_is_symmetric_and_filled_as_told(seed, n, m, symmetry):
    seed_all(seed)
    if symmetry in ("diagonal", "radial") and n != m:
        with pytest.raises(ValueError, match="square"):
            generate_sprite(n, m, symmetry_type=symmetry)
        return
    sprite = generate_sprite(
        n, m, symmetry_type=symmetry, fill_percentage=0.5, max_colors=2, background=9
    )
    assert has_symmetry(sprite, symmetry)
    assert (sprite != 9).mean() >= 0.5 or symmetry in ("mirror", "radial")
    # A mirror sprite that was drawn again may have any number of colours.
    assert len(set(sprite.flatten().tolist()) - {9}) <= (9 if symmetry == "mirror" else 2)


squares = npst.arrays(np.int64, side.map(lambda n: (n, n)), elements=st.integers(0, 3))


@given(npst.arrays(np.int64, st.tuples(side, side), elements=st.integers(0, 3)))
def test_mirrored_cells_get_the_color_of_the_first_that_has_one(sprite):
    before, n = sprite.copy(), sprite.shape[0]
    assert apply_symmetry(sprite, symmetry_type="horizontal", background=0) is sprite
    for x, y in np.ndindex(sprite.shape):
        low, high = before[min(x, n - 1 - x), y], before[max(x, n - 1 - x), y]
        assert sprite[x, y] == (low if low != 0 else high)
    upright = apply_symmetry(before.T.copy(), "vertical")
    assert np.array_equal(upright, sprite.T)


@given(squares)
def test_transposed_cells_get_the_color_of_the_upper_one(sprite):
    before = sprite.copy()
    assert apply_diagonal_symmetry(sprite) is sprite
    for x, y in np.ndindex(sprite.shape):
        upper, lower = before[min(x, y), max(x, y)], before[max(x, y), min(x, y)]
        assert sprite[x, y] == (upper if upper != 0 else lower)


def test_symmetries_that_cannot_be_applied_are_errors():
    with pytest.raises(ValueError, match="symmetry_type"):
        apply_symmetry(np.ones((2, 2), dtype=int), "mirror")
    with pytest.raises(ValueError, match="square"):
        apply_diagonal_symmetry(np.ones((2, 3), dtype=int))


@given(seeds, npst.arrays(np.int64, st.tuples(side, side), elements=st.integers(0, 1)),
       st.floats(0, 1))  # fmt: skip
def test_scattered_points_cover_background_only_and_as_many_cells_as_told(seed, grid, density):
    seed_all(seed)
    before = grid.copy()
    wanted = int(np.ceil(density * grid.size))
    if wanted > (grid == 0).sum():
        with pytest.raises(ValueError, match="points wanted"):
            randomly_scatter_points(grid, color=7, density=density)
        assert np.array_equal(grid, before)
        return
    assert randomly_scatter_points(grid, color=7, density=density, background=0) is grid
    assert (grid == 7).sum() == wanted
    assert np.array_equal(before[grid != 7], grid[grid != 7])
    assert (before[grid == 7] == 0).all()


@settings(deadline=None)
@given(
    seeds, npst.arrays(np.int64, (7, 6), elements=st.sampled_from([0, 0, 0, 0, 0, 0, 1])),
    npst.arrays(np.int64, st.tuples(st.integers(1, 3), st.integers(1, 3)),
                elements=st.integers(0, 2)),
    st.integers(0, 2), st.integers(0, 2), st.sampled_from([4, 8]),
)  # fmt: skip
def test_a_free_location_is_one_of_the_legal_places(
    seed, grid, sprite, border_size, padding, connectivity
):
    seed_all(seed)
    taken = np.argwhere(grid != 0).tolist()

    def near(x, y):
        for a, b in taken:
            dx, dy = abs(a - x), abs(b - y)
            if (max(dx, dy) if connectivity == 8 else dx + dy) <= padding:
                return True
        return False

    legal = [
        (x, y)
        for x in range(border_size, 7 - border_size - sprite.shape[0] + 1)
        for y in range(border_size, 6 - border_size - sprite.shape[1] + 1)
        if not any(near(x + i, y + j) for i, j in np.argwhere(sprite != 0).tolist())
    ]
    arguments = {
        "grid": grid, "sprite": sprite, "background": 0, "border_size": border_size,
        "padding": padding, "padding_connectivity": connectivity,
    }  # fmt: skip
    if not legal:
        with pytest.raises(ValueError, match="no free place"):
            random_free_location_for_sprite(**arguments)
        return
    place = random_free_location_for_sprite(**arguments)
    assert place in legal
    assert [type(p) for p in place] == [int, int]
    seed_all(seed)
    assert random_free_location_for_object(**arguments) == place


def test_every_free_place_is_found_and_a_wrong_connectivity_is_an_error():
    grid, dot = np.array([[0, 1, 0], [0, 0, 0]]), np.ones((1, 1), dtype=int)
    places = {random_free_location_for_sprite(grid, dot) for _ in range(200)}
    assert places == {(0, 0), (0, 2), (1, 0), (1, 1), (1, 2)}
    with pytest.raises(ValueError, match="connectivity"):
        random_free_location_for_sprite(grid, dot, padding=1, padding_connectivity=5)
    random_free_location_for_sprite(grid, dot, padding_connectivity=5)


@given(seeds, st.integers(4, 30), st.integers(0, 4), st.integers(0, 2), st.integers(0, 2))
def test_spaced_indices_are_sorted_apart_and_in_range(seed, max_len, count, border, padding):
    seed_all(seed)
    try:
        indices = randomly_spaced_indices(
            max_len=max_len, n_indices=count, border_size=border, padding=padding
        )
    except IndexError:
        room = max_len if border == 0 else max_len - 2 - border
        assert room < count * (2 * padding + 1)
        return
    assert indices.dtype == int
    assert len(indices) == count
    assert (np.diff(indices) > padding).all()
    low, high = (0, max_len - 1) if border == 0 else (border, max_len - 3)
    assert all(low <= i <= high for i in indices)
