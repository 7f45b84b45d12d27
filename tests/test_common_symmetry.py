from itertools import product

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from hypothesis.extra import numpy as npst

from arcbench.dsl.common import (
    MirrorSymmetry,
    Symmetry,
    TranslationalSymmetry,
    detect_mirror_symmetry,
    detect_rotational_symmetry,
    detect_translational_symmetry,
    orbit,
)
from arcbench.dsl.common.symmetry import RotationalSymmetry

side = st.integers(1, 5)
noise = npst.arrays(np.int64, st.tuples(side, side), elements=st.integers(0, 3))
repeating = st.builds(
    lambda tile, nx, ny: np.tile(tile, (nx, ny)),
    npst.arrays(np.int64, (2, 3), elements=st.integers(0, 3)), st.integers(1, 3), st.integers(1, 2),
)  # fmt: skip
mirrored = noise.map(lambda a: np.concatenate([a, a[::-1]]))
turned = npst.arrays(np.int64, (3, 3), elements=st.integers(0, 3)).map(
    lambda a: np.block([[a, np.rot90(a, 3)], [np.rot90(a), np.rot90(a, 2)]])
)
patterns = st.one_of(noise, repeating, mirrored, turned)
ignored = st.sampled_from([[0], [], [0, 2], (1,)])
backgrounds = st.sampled_from([None, 0, 3])
coordinate = st.integers(-1, 6)
moves = st.builds(TranslationalSymmetry, st.integers(-3, 3), st.integers(-3, 3))
halves = st.integers(0, 9).map(lambda v: v // 2 if v % 2 == 0 else v / 2)
symmetries = st.one_of(
    moves,
    st.builds(MirrorSymmetry, st.none() | halves, st.none() | halves),
    st.builds(RotationalSymmetry, halves, halves).filter(
        lambda s: float(s.center_x + s.center_y).is_integer()
    ),
)


def tally(grid, symmetry, ignore_colors, background):
    """(kept, off, conflict) of mapping every occupied cell once."""
    kept = off = conflict = 0
    for x, y in np.ndindex(grid.shape):
        color = grid[x, y]
        if color in ignore_colors or (background is not None and color == background):
            continue
        a, b = symmetry.apply(x, y)
        if not (0 <= a < grid.shape[0] and 0 <= b < grid.shape[1]):
            off += 1
        elif grid[a, b] == color:
            kept += 1
        elif grid[a, b] not in ignore_colors:
            conflict += 1
    return kept, off, conflict


def translations(grid, ignore_colors, background):
    n, m = grid.shape

    def score(x, y):
        s = TranslationalSymmetry(x, y)
        kept, off, conflict = tally(grid, s, ignore_colors, background)
        return kept - 0.01 * off - 100000 * conflict

    found = []
    for shifts in ([(x, 0) for x in range(1 - n, n) if x], [(0, y) for y in range(1 - m, m) if y]):
        scored = [(score(*shift), shift) for shift in shifts]
        best = max((s for s, _ in scored), default=0)
        if best > 0:
            found.append(min(shift for s, shift in scored if s == best))
    if not found:
        scored = [(score(x, y), (x, y)) for x in range(1, n) for y in range(1, m)]
        best = max((s for s, _ in scored), default=0)
        if best > 0:
            found.append(min((shift for s, shift in scored if s == best), key=sum))
    return found


@given(patterns, ignored, backgrounds)
def test_detected_translations_have_the_best_score(grid, ignore_colors, background):
    found = detect_translational_symmetry(
        grid=grid, ignore_colors=ignore_colors, background=background
    )
    shifts = [(s.translate_x, s.translate_y) for s in found]
    assert shifts == translations(grid, ignore_colors, background)
    assert all(type(v) is int for shift in shifts for v in shift)


@given(patterns, ignored, backgrounds)
def test_detected_mirrors_are_all_that_share_the_best_score(grid, ignore_colors, background):
    n, m = grid.shape
    candidates = [(x + z, None) for x in range(n) for z in (0, 0.5)]
    candidates += [(None, y + z) for y in range(m) for z in (0, 0.5)]
    candidates += [(x + z, y + z) for x in range(n) for y in range(m) for z in (0, 0.5)]
    best, expected = 0.0, []
    for x, y in candidates:
        kept, off, conflict = tally(grid, MirrorSymmetry(x, y), ignore_colors, background)
        if conflict or not kept:
            continue
        score = kept - 0.01 * off
        if score > best:
            best, expected = score, []
        if score == best:
            expected.append((x, y))
    found = detect_mirror_symmetry(grid, ignore_colors=ignore_colors, background=background)
    assert [(s.mirror_x, s.mirror_y) for s in found] == expected
    for center in (c for s in found for c in (s.mirror_x, s.mirror_y) if c is not None):
        assert type(center) is (int if center == int(center) else float)


@given(patterns, ignored, backgrounds)
def test_the_detected_rotation_is_the_first_with_the_best_score(grid, ignore_colors, background):
    n, m = grid.shape
    best, expected = 0, None
    for x, y, z in product(range(n), range(m), (0, 0.5)):
        s = RotationalSymmetry(x + z, y + z)
        kept, off, conflict = tally(grid, s, ignore_colors, background)
        score = kept - 5 * off - 1000 * conflict
        if score > best:
            best, expected = score, (x + z, y + z)
    found = detect_rotational_symmetry(grid, ignore_colors=ignore_colors, background=background)
    assert (found and (found.center_x, found.center_y)) == expected


def test_a_pattern_of_period_two_moves_by_minus_two():
    grid = np.tile([[1, 2], [3, 4]], (3, 3))
    found = detect_translational_symmetry(grid)
    assert repr(found) == (
        "[TranslationalSymmetry(translate_x=-2, translate_y=0), "
        "TranslationalSymmetry(translate_x=0, translate_y=-2)]"
    )


def test_a_single_pixel_is_mirrored_by_its_column_its_row_and_itself():
    grid = np.zeros((4, 5), dtype=int)
    grid[1, 3] = 6
    assert str(detect_mirror_symmetry(grid)) == (
        "[MirrorSymmetry(mirror_x=1, mirror_y=None), MirrorSymmetry(mirror_x=None, mirror_y=3), "
        "MirrorSymmetry(mirror_x=1, mirror_y=3)]"
    )


def test_an_empty_grid_has_no_symmetry():
    for grid in (np.zeros((3, 3), dtype=int), np.zeros((0, 0), dtype=int)):
        assert detect_translational_symmetry(grid) == []
        assert detect_mirror_symmetry(grid) == []
        assert detect_rotational_symmetry(grid) is None


def test_symmetries_map_points_and_index_arrays():
    assert TranslationalSymmetry(2, -1).apply(x=5, y=5, iters=-2) == (1, 7)
    assert MirrorSymmetry(2.5, None).apply(0, 4) == (5, 4)
    assert MirrorSymmetry(2, 1).apply(0, 4, iters=2) == (0, 4)
    turn = RotationalSymmetry(1.5, 1.5)
    assert [turn.apply(0, 1, k) for k in (-1, 0, 1, 2, 4)] == [
        (0, 1), (0, 1), (1, 3), (3, 2), (0, 1),
    ]  # fmt: skip
    assert all(type(v) is int for v in turn.apply(0, 1))
    xs, ys = MirrorSymmetry(2.5, None).apply(np.array([0, 1]), np.array([3, 4]))
    assert (xs.tolist(), ys.tolist()) == ([5, 4], [3, 4])
    assert xs.dtype == int
    assert type(TranslationalSymmetry(np.int64(1), 0).apply(np.float64(1.0), 2)[0]) is int
    assert Symmetry().apply(1, 2) is None
    assert issubclass(MirrorSymmetry, Symmetry)


@given(noise, coordinate, coordinate, st.lists(symmetries, max_size=2))
def test_an_orbit_holds_the_combinations_that_stay_inside(grid, x, y, symmetries):
    expected: set[tuple[int, int]] = set()
    for counts in product(*(range(*s._iter_range(grid.shape)) for s in symmetries)):
        point = (x, y)
        for symmetry, count in zip(symmetries, counts, strict=True):
            point = symmetry.apply(*point, count)
            if not (0 <= point[0] < grid.shape[0] and 0 <= point[1] < grid.shape[1]):
                break
        else:
            expected.add(point)
    assert orbit(grid=grid, x=x, y=y, symmetries=symmetries) == list(expected)


def test_an_orbit_of_nothing_is_the_point_itself():
    grid = np.zeros((3, 3), dtype=int)
    assert orbit(grid, 7, 7, []) == [(7, 7)]
    with pytest.raises(TypeError):
        orbit(grid, 0, 0, None)
    assert TranslationalSymmetry(0, 0)._iter_range((3, 3)) == (0, 1)
    assert TranslationalSymmetry(2, -4)._iter_range((5, 9)) == (-3, 4)


@given(st.integers(0, 11), st.integers(0, 11))
def test_the_orbit_of_a_repeating_pattern_has_one_color(x, y):
    tile = np.arange(12).reshape(3, 4)
    grid = np.tile(tile, (4, 3))
    points = orbit(grid, x, y, detect_translational_symmetry(grid, ignore_colors=[]))
    assert len(points) == 12
    assert {int(grid[p]) for p in points} == {int(grid[x, y])}
