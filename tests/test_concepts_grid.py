"""Laws of the grid-level concepts."""

import inspect
import itertools
from collections import Counter
from typing import Any, Literal, get_args, get_origin

import numpy as np
import pytest
from hypothesis import assume, given, settings
from hypothesis import strategies as st
from hypothesis.extra import numpy as npst

from arcbench.dsl import common, concepts
from arcbench.dsl.concepts import (
    add_border,
    colors,
    complete_symmetry,
    concat_horizontal,
    crop_to_content,
    draw_spiral,
    fill_by_period,
    fill_by_symmetry,
    flip_antidiagonal,
    flip_horizontal,
    flip_vertical,
    fractal,
    geometry,
    gravity,
    grow_pattern,
    invert_two_colors,
    lines,
    mirror,
    mirror_four,
    odd_panel,
    panels,
    panels_and,
    panels_differ,
    panels_nor,
    panels_or,
    patterns,
    remove_border,
    repeat,
    roll,
    rotate_180,
    rotate_clockwise,
    rotate_counterclockwise,
    scale_to_cell_blocks,
    smallest_tile,
    sort_rows,
    swap_colors,
    symmetrize,
    symmetry,
    transpose,
    unique_lines,
    upscale,
)

GRID_MODULES = (geometry, colors, lines, panels, symmetry, patterns)
NAMES = sorted(name for module in GRID_MODULES for name in module.__all__)
DIRECTIONS = ("up", "down", "left", "right")


def arrays(max_side: int = 8, max_color: int = 9) -> st.SearchStrategy[Any]:
    side = st.integers(1, max_side)
    return npst.arrays(np.int64, st.tuples(side, side), elements=st.integers(0, max_color))


def g(*rows: str) -> Any:
    return np.array([[0 if c == "." else int(c) for c in row] for row in rows])


def _arguments(name: str) -> list[tuple[Any, ...]]:
    """A few argument tuples for each function, made from the annotations."""
    parameters = list(inspect.signature(getattr(concepts, name), eval_str=True).parameters.values())
    choices: list[list[Any]] = []
    for parameter in parameters[1:]:
        kind = parameter.annotation
        if get_origin(kind) is Literal:
            choices.append(list(get_args(kind)))
        elif kind is bool:
            choices.append([True, False])
        elif kind is int:
            choices.append([0, 3] if "color" in parameter.name else [1, 2])
        else:
            choices.append([np.array([[1, 2], [3, 4]])])
    return list(itertools.islice(itertools.product(*choices), 12))


@pytest.mark.parametrize("name", NAMES)
@settings(max_examples=6, deadline=None)
@given(grid=arrays(7))
def test_concept_gives_a_new_grid_for_any_grid_and_leaves_its_input_alone(
    name: str, grid: Any
) -> None:
    before = grid.copy()
    for args in _arguments(name):
        out = getattr(concepts, name)(grid, *args)
        assert isinstance(out, np.ndarray)
        assert out.ndim == 2
        assert out.size > 0
        assert out.dtype.kind in "iu"
        assert 0 <= out.min() <= out.max() <= 9
        assert not np.shares_memory(out, grid)
        assert (grid == before).all()


@pytest.mark.parametrize("name", NAMES)
def test_concept_says_in_one_sentence_what_it_does(name: str) -> None:
    first = (inspect.getdoc(getattr(concepts, name)) or "").split("\n\n")[0]
    assert first
    assert first.endswith((".", ":"))


def test_no_name_is_defined_twice_and_np_comes_along() -> None:
    doubles = [name for name, count in Counter(concepts.__all__).items() if count > 1]
    assert doubles == []
    assert "np" in concepts.__all__


@given(arrays())
def test_flips_and_turns_form_the_group_of_the_square(grid: Any) -> None:
    assert (flip_horizontal(flip_horizontal(grid)) == grid).all()
    assert (rotate_counterclockwise(rotate_clockwise(grid)) == grid).all()
    assert (rotate_clockwise(grid) == flip_horizontal(transpose(grid))).all()
    assert (flip_antidiagonal(grid) == rotate_180(transpose(grid))).all()
    assert (rotate_180(grid) == flip_vertical(flip_horizontal(grid))).all()


@given(arrays())
def test_mirroring_is_concatenation_with_the_flip(grid: Any) -> None:
    assert (mirror(grid) == concat_horizontal(grid, flip_horizontal(grid))).all()
    four = mirror_four(grid)
    assert (four == rotate_180(four)).all()
    assert (four == flip_horizontal(four)).all()


@given(arrays(5), st.integers(1, 4))
def test_upscaling_is_undone_by_shrinking_and_keeps_the_colors(grid: Any, factor: int) -> None:
    large = upscale(grid, factor)
    assert large.shape == (len(grid) * factor, grid.shape[1] * factor)
    assert (scale_to_cell_blocks(large) == scale_to_cell_blocks(grid)).all()


@given(arrays(5), st.integers(0, 9), st.integers(1, 3))
def test_a_border_that_is_added_can_be_removed(grid: Any, color: int, width: int) -> None:
    assert (remove_border(add_border(grid, color, width), width) == grid).all()


@given(arrays(), st.sampled_from(DIRECTIONS), st.integers(0, 9))
def test_rolling_back_gives_the_grid_again(grid: Any, direction: Any, steps: int) -> None:
    back = {"up": "down", "down": "up", "left": "right", "right": "left"}[direction]
    assert (roll(roll(grid, direction, steps), back, steps) == grid).all()  # type: ignore[arg-type]


@given(arrays(), st.sampled_from(DIRECTIONS))
def test_gravity_keeps_all_cells_and_changes_nothing_the_second_time(
    grid: Any, direction: Any
) -> None:
    fallen = gravity(grid, direction)
    assert sorted(fallen.ravel()) == sorted(grid.ravel())
    assert (gravity(fallen, direction) == fallen).all()


def test_gravity_lets_cells_fall_in_their_own_column_and_order() -> None:
    assert (gravity(g("1.2", "3..", "..4")) == g("...", "1.2", "3.4")).all()
    assert (gravity(g("1.2", ".3.")) == gravity(g("1.2", ".3."), "down")).all()
    assert (gravity(g(".1.2"), "left") == g("12..")).all()


@given(arrays(), st.integers(0, 9), st.integers(0, 9))
def test_swapping_two_colors_twice_changes_nothing(grid: Any, a: int, b: int) -> None:
    assert (swap_colors(swap_colors(grid, a, b), a, b) == grid).all()


def test_two_colors_are_inverted() -> None:
    assert (invert_two_colors(g("11.", "1..")) == g("..1", ".11")).all()


@given(arrays(5, 1), arrays(5, 1))
def test_panel_logic_is_boolean_algebra(left: Any, right: Any) -> None:
    right = np.resize(right, left.shape)
    grid = np.hstack((left, np.full((len(left), 1), 5), right))
    assume(panels.separator_color(grid) == 5)  # a column of one colour is ambiguous
    both, either = panels_and(grid, 1), panels_or(grid, 1)
    assert (both == left * right).all()
    assert (either == np.maximum(left, right)).all()
    assert (panels_nor(grid, 1) == 1 - either).all()
    assert (panels_differ(grid, 1) == either - both).all()


def test_panels_are_squares_where_no_line_parts_them() -> None:
    assert (
        panels_nor(g(".99", ".99", "999", ".1.", "..1", "111"), 2) == g("2..", "2..", "...")
    ).all()


def test_the_odd_panel_is_found() -> None:
    grid = g("1.51.511", ".15.1511")
    assert (odd_panel(grid) == g("11", "11")).all()


@given(arrays(3, 4), st.integers(2, 4), st.integers(2, 4))
def test_a_hidden_part_of_a_tiling_is_restored(tile: Any, rows: int, columns: int) -> None:
    whole = repeat(tile + 1, rows + 1, columns + 1)
    masked = whole.copy()
    masked[: len(tile), : tile.shape[1]] = 0
    assert (fill_by_period(masked, 0) == whole).all() or len(tile) == 1 or tile.shape[1] == 1


@given(arrays(4, 4))
def test_a_hidden_part_of_a_kaleidoscope_is_restored(part: Any) -> None:
    whole = mirror_four(part + 1)
    masked = whole.copy()
    masked[0, 0] = 0
    assert (fill_by_symmetry(masked, 0) == whole).all() or whole.size <= 4


@given(arrays(4), st.integers(1, 3), st.integers(1, 3))
def test_the_smallest_tile_tiles_the_grid(tile: Any, rows: int, columns: int) -> None:
    whole = repeat(tile, rows, columns)
    small = smallest_tile(whole)
    height, width = whole.shape
    again = repeat(small, -(-height // len(small)), -(-width // small.shape[1]))
    assert (again[:height, :width] == whole).all()
    assert (grow_pattern(whole, "right")[:, :width] == whole).all()


@given(arrays(6))
def test_symmetrizing_makes_a_symmetric_grid_of_one_color_and_black(grid: Any) -> None:
    one_color = (grid > 4) * 3
    out = symmetrize(one_color, "both")
    if (one_color == 0).any():
        assert (out == out[::-1]).all()
        assert (out == out[:, ::-1]).all()


def test_an_incomplete_figure_is_completed_about_its_own_centre() -> None:
    grid = g(
        ".22.......", ".2.2......", "..22......", "....33....", "....33....",
        "..........", "..........", "..........",
    )  # fmt: skip
    want = g(
        ".22....22.", ".2.2..2.2.", "..22..22..", "....33....", "....33....",
        "..22..22..", ".2.2..2.2.", ".22....22.",
    )  # fmt: skip
    assert (complete_symmetry(grid) == want).all()


def test_a_fractal_puts_copies_at_its_own_cells() -> None:
    assert (fractal(g("1.", "11")) == g("1...", "11..", "1.1.", "1111")).all()


def test_repeated_lines_are_dropped_and_rows_sorted_by_their_cells() -> None:
    assert (unique_lines(g("1122", "1122", "3344")) == g("12", "34")).all()
    assert (sort_rows(g("111", "1..", "11.")) == g("1..", "11.", "111")).all()


def test_content_is_cropped_on_black_and_on_another_background() -> None:
    assert (crop_to_content(g("....", ".12.", "....")) == g("12")).all()
    assert (crop_to_content(g("3333", "3123", "3333")) == g("12")).all()


def test_the_spiral_has_gaps_of_one_cell() -> None:
    want = g("333333", ".....3", "3333.3", "3..3.3", "3....3", "333333")
    out = draw_spiral(np.zeros((6, 6), dtype=np.int64), 3)
    assert (out[0] == want[0]).all()
    assert (out[:, 5] == want[:, 5]).all()
    assert out[2].tolist()[:4] == [3, 3, 3, 3]


def test_no_concept_hides_a_name_of_common():
    assert set(concepts.__all__) & set(common.__all__) == {"np"}
