"""The object half of the concepts, and the families that use it."""

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from hypothesis.extra import numpy as hnp

from arcbench.dsl import concepts as c
from arcbench.dsl.concepts import (
    _components,
    counting,
    drawing,
    filling,
    layout,
    objects,
    physics,
)
from arcbench.dsl.concepts._types import AnyArray, Array
from arcbench.synth import (
    families_counting,
    families_drawing,
    families_filling,
    families_layout,
    families_motion,
    families_objects,
)
from arcbench.synth.family import Family
from arcbench.synth.generate import generate_from
from arcbench.synth.programs import compile_program

OWN = [
    *families_objects.FAMILIES,
    *families_drawing.FAMILIES,
    *families_filling.FAMILIES,
    *families_layout.FAMILIES,
    *families_motion.FAMILIES,
    *families_counting.FAMILIES,
]
GRIDS = hnp.arrays(
    np.int64,
    st.tuples(st.integers(1, 9), st.integers(1, 9)),
    elements=st.sampled_from([0, 0, 0, 1, 2]),
)


def g(*rows: str) -> Array:
    """A grid from rows of digits, a dot for black."""
    return np.array([[int(cell) for cell in row.replace(".", "0")] for row in rows])


def same(a: AnyArray, *rows: str) -> None:
    assert a.tolist() == g(*rows).tolist()


SCENE = g(
    "11....",
    "11..2.",
    "1.....",
    "...333",
    "...3.3",
    "...333",
)


def test_objects_are_cropped_by_size_color_and_holes() -> None:
    same(c.largest_object(SCENE), "333", "3.3", "333")
    same(c.smallest_object(SCENE), "2")
    same(c.crop_object(SCENE, "hollow"), "333", "3.3", "333")
    same(c.crop_object(SCENE, "asymmetric"), "11", "11", "1.")


def test_the_object_is_cropped_without_what_else_lies_in_its_box() -> None:
    grid = g("1.2", "1..", "111")
    same(c.crop_object(grid, "largest"), "1..", "1..", "111")
    same(c.crop_object_box(grid, "largest"), "1.2", "1..", "111")


def test_diagonal_neighbours_belong_together_unless_the_kind_says_otherwise() -> None:
    grid = g("1.", ".1")
    assert len(_components.things(grid, "same_color")) == 1
    assert len(_components.things(grid, "same_color_4")) == 2


def test_objects_of_several_colors_are_one_thing_of_any_color() -> None:
    grid = g("12.", "...", "..1")
    assert [t.size for t in _components.things(grid, "any_color")] == [2, 1]
    assert [t.size for t in _components.things(grid, "same_color")] == [1, 1, 1]


def test_the_most_common_color_is_the_ground_where_there_is_no_black() -> None:
    same(c.recolor_objects(g("888", "818", "888"), "largest", 2), "888", "828", "888")


def test_objects_are_kept_removed_and_recolored() -> None:
    grid = g("1..2", "1...", "1.22")
    same(c.keep_objects(grid, "largest"), "1...", "1...", "1...")
    same(c.remove_objects(grid, "dot"), "1...", "1...", "1.22")
    same(c.recolor_objects_and_others(grid, "line", 3, 4), "3..4", "3...", "3.33")


def test_objects_take_colors_by_size_rank() -> None:
    grid = g("5.5.5", "5.5..", "5....")
    same(c.recolor_by_size_rank(grid, 1, 2, 3), "1.2.3", "1.2..", "1....")


def test_holes_are_filled_but_not_the_outside() -> None:
    same(c.fill_holes(g("111.", "1.1.", "111."), 4), "111.", "141.", "111.")
    same(c.fill_outside(g("111.", "1.1.", "111."), 4), "1114", "1.14", "1114")


def test_only_square_holes_are_filled_where_square_is_asked() -> None:
    grid = g("11111111", "1.11...1", "11111111")
    same(c.fill_hole_shapes(grid, "square", 4), "11111111", "1411...1", "11111111")


def test_an_open_frame_leaks_through_its_gap() -> None:
    same(
        c.fill_holes_and_leak(g(".....", "5555.", "5..5.", "5.55.", "....."), 8),
        ".....", "5555.", "5885.", "5855.", ".8...",
    )  # fmt: skip


def test_insides_are_recolored_and_emptied() -> None:
    grid = g("....", ".222", ".222", ".222")
    same(c.fill_inside(grid, 8), "....", ".222", ".282", ".222")
    same(c.hollow_objects(grid), "....", ".222", ".2.2", ".222")


def test_stamps_go_around_the_cells_of_a_color() -> None:
    same(c.surround(g("...", ".2.", "..."), 2, 1), "111", "121", "111")
    same(c.surround(g("...", ".2.", "..."), 2, 1, "plus"), ".1.", "121", ".1.")


def test_rays_stop_at_obstacles_unless_they_pass_behind() -> None:
    grid = g("1.2.")
    same(c.draw_ray(grid, 1, "right"), "112.")
    same(c.draw_ray(grid, 1, "right", through=True), "1121")
    same(c.draw_ray(grid, 2, "horizontal", 3), "1323")


def test_an_l_links_two_cells() -> None:
    same(c.connect_at_corner(g("2..", "...", "..3"), 2, 3, 8), "288", "..8", "..3")
    same(c.connect_at_corner(g("2..", "...", "..3"), 2, 3, 8, "column"), "2..", "8..", "883")


def test_objects_fall_as_a_whole_onto_each_other() -> None:
    same(c.drop_objects(g("11.", "1..", ".2.", "...")), "...", "...", "11.", "12.")


def test_an_object_moves_until_it_touches_its_target() -> None:
    same(c.move_until_touch(g("2..", "...", "...", "8.."), 2, 8), "...", "...", "2..", "8..")


def test_dots_fly_to_the_line_of_their_color() -> None:
    same(
        c.move_dots_to_same_color(g("..1.", "....", "1111", ".2..", "....", ".1..")),
        "....", "..1.", "1111", ".1..", "....", "....",
    )  # fmt: skip


def test_the_template_is_copied_onto_marks() -> None:
    same(c.copy_to_marks(g("12..", "21..", "..55", "..55"), 5), "12..", "21..", "..12", "..21")


def test_parts_of_a_figure_are_completed() -> None:
    same(c.complete_copies(g("484....", ".....8.")), "484....", "....484")


def test_objects_are_counted() -> None:
    grid = g("11.1", "11.1", "1...")
    same(c.count_as_row(grid, 1, "objects", 3), "11.")
    assert c.count_as_row(grid, 1).shape == (1, 7)
    same(c.count_as_diagonal(g("8.8", "...", "8.."), 8), "8..", ".8.", "..8")


def test_colors_are_listed_by_the_size_of_their_objects() -> None:
    same(c.object_color_list(SCENE), "3", "1", "2")
    same(c.object_color_list(SCENE, "left", "row"), "132")


def test_everything_is_mirrored_around_the_object_of_a_color() -> None:
    same(c.mirror_around(g("1....", "..3..", "....."), 3), "1...1", "..3..", "1...1")


def test_frames_and_marked_objects_are_cropped() -> None:
    same(c.crop_frame_inside(g("2222.", "21.2.", "2222.", "....2")), "1.")
    same(c.crop_object_touching(g("5..1", "33.1", ".3.."), 5), "33", ".3")
    same(c.crop_between_corners(g("4..4", ".12.", "4..4"), True), "44")


def test_a_tail_goes_on_to_the_edge() -> None:
    same(c.extend_tails(g("33..", "33..", "..3.", "....")), "33..", "33..", "..3.", "...3")


@given(GRIDS)
def test_components_part_the_content(grid: Array) -> None:
    for kind in ("same_color", "same_color_4", "any_color", "any_color_4"):
        found = _components.things(grid, kind)
        cells = sorted(i for thing in found for i in thing.flat)
        ground = found[0].background if found else int(grid.ravel()[0])
        assert cells == np.flatnonzero(grid != ground).tolist()
        assert all(thing.mask.sum() == thing.size for thing in found)


@given(GRIDS, st.sampled_from(["largest", "smallest", "dot", "hollow", "symmetric"]))
def test_kept_and_removed_objects_are_all_objects(grid: Array, which: str) -> None:
    kept, rest = c.keep_objects(grid, which), c.remove_objects(grid, which)
    ground = c.geometry.background_of(grid)
    assert np.array_equal(np.where(kept != ground, kept, rest), grid)


@given(GRIDS)
def test_mirroring_objects_keeps_their_cells_where_boxes_dont_overlap(grid: Array) -> None:
    taken = np.zeros(grid.shape, dtype=int)
    for thing in _components.things(grid, "any_color"):
        taken[thing.box] += 1
    if taken.max() <= 1:
        out = c.mirror_objects(grid)
        assert sorted(out.ravel().tolist()) == sorted(grid.ravel().tolist())


@settings(deadline=None, max_examples=20)
@given(GRIDS)
def test_no_concept_raises_or_writes_into_its_input(grid: Array) -> None:
    from arcbench.synth.coverage import calls

    before = grid.copy()
    own = list(calls([0, 1, 5], ["objects", "drawing", "filling", "layout", "counting", "physics"]))
    for call in own[::41]:
        out = call.function(grid, *call.args)
        assert out.ndim == 2, call.text()
        assert np.array_equal(grid, before), call.text()
        assert not np.shares_memory(out, grid), call.text()


def test_every_public_concept_has_a_docstring() -> None:
    for module in (objects, drawing, filling, layout, counting, physics):
        for name in module.__all__:
            assert getattr(module, name).__doc__, name


@pytest.mark.parametrize("family", OWN, ids=lambda family: family.name)
def test_families_give_tasks_that_their_program_solves(family: Family) -> None:
    rng = np.random.default_rng(7)
    for _ in range(4):
        made = generate_from(rng, family)
        transform = compile_program(made.code)
        for pair in (*made.task.train, *made.task.test):
            assert pair.output is not None
            out = transform(pair.input.astype(np.int64))
            assert np.array_equal(out, pair.output)
            assert not np.array_equal(pair.input, pair.output)
