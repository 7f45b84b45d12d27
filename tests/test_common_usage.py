"""Short programs in the style of models: the sandbox gives what was worked out by hand."""

from dataclasses import dataclass
from textwrap import dedent, indent

import numpy as np
import pytest

from arcbench.grids import as_grid
from arcbench.sandbox import Limits, Program, SandboxPool


def g(picture: str) -> np.ndarray:
    """A grid from rows of digits separated by spaces, a dot for black."""
    return as_grid(np.array([[int(c) for c in row.replace(".", "0")] for row in picture.split()]))


@dataclass(frozen=True, slots=True)
class Case:
    name: str
    body: str  # of transform(grid), which is indexed grid[row, column] = grid[x, y]
    given: str
    wanted: str


CASES = [
    Case("components_come_with_their_colors", """
        out = np.zeros_like(grid)
        objects = find_connected_components(grid, connectivity=4, monochromatic=False)
        for i, obj in enumerate(objects):
            out[obj != Color.BLACK] = i + 1
        return out
        """, "12.3 .2.. 4..5", "11.2 .1.. 3..4"),
    Case("one_color_components_come_color_by_color", """
        out = np.zeros_like(grid)
        objects = find_connected_components(grid, connectivity=8, monochromatic=True)
        for i, obj in enumerate(objects):
            out[obj != Color.BLACK] = i + 1
        return out
        """, "21..1 1..2.", "31..2 1..4."),
    Case("background_may_be_another_color", """
        objects = find_connected_components(grid, background=Color.GRAY, connectivity=4)
        objects.sort(key=lambda o: bounding_box(o, background=Color.GRAY)[1])
        return crop(objects[0], background=Color.GRAY)
        """, "5555 5115 5105 5555", "11 15"),
    Case("the_largest_object_is_cropped", """
        objects = find_connected_components(grid, connectivity=8)
        largest = max(objects, key=lambda obj: np.sum(obj != Color.BLACK))
        return crop(largest)
        """, "1..22 ...2. 3..22", "22 2. 22"),
    Case("what_crop_gives_is_a_window_onto_the_grid", """
        sprite = crop(grid)
        sprite[sprite == Color.RED] = Color.TEAL
        return grid
        """, "... .12 .2.", "... .18 .8."),
    Case("an_object_moves_until_it_hits_the_floor", """
        obj = np.where(grid == Color.RED, grid, 0)
        floor = np.where(grid == Color.BLUE, grid, 0)
        step = 0
        while not contact(object1=translate(obj, x=step, y=0), object2=floor):
            step += 1
        out = floor.copy()
        blit_object(out, translate(obj, step, 0), background=Color.BLACK)
        return out
        """, "22. .2. ... ... 111", "... ... 22. .2. 111"),
    Case("collision_counts_cells_and_not_boxes", """
        a = np.array([[1, 0], [1, 1]])
        b = np.array([[2, 2], [0, 2]])
        hits = [collision(object1=a, object2=b, x1=0, y1=0, x2=x, y2=y)
                for x, y in [(0, 0), (0, 1), (-1, 1), (1, 0), (2, 0)]]
        return np.array([hits]).astype(int)
        """, ".", "1..1."),
    Case("a_line_stops_before_a_wall_and_turns", """
        x, y = np.argwhere(grid == Color.GREEN)[0]
        stop = draw_line(grid, x, y, direction=(0, 1), color=Color.GREEN,
                         stop_at_color=[Color.GRAY])
        draw_line(grid, *stop, direction=(1, 0), color=Color.GREEN, stop_at_color=[Color.GRAY])
        return grid
        """, "3...5 ..... ..... ..55.", "33335 ...3. ...3. ..55."),
    Case("a_line_has_the_length_that_it_is_given", """
        draw_line(grid, 0, 0, length=3, direction=(1, 1), color=Color.PINK)
        draw_line(grid, 3, 0, end_x=0, end_y=3, color=Color.ORANGE)
        draw_line(grid, x=3, y=1, length=None, end_x=3, end_y=3, color=Color.BLUE)
        return grid
        """, ".... .... .... ....", "6..7 .67. .76. 7111"),
    Case("enclosed_areas_are_what_a_flood_from_outside_leaves", """
        canvas = np.pad(grid, 1)
        flood_fill(canvas, 0, 0, color=Color.PINK, connectivity=4)
        canvas = canvas[1:-1, 1:-1]
        grid[canvas == Color.BLACK] = Color.YELLOW
        return grid
        """, ".33. 3..3 .3.3 ..3.", ".33. 3443 .343 ..3."),
    Case("a_flood_over_corners_leaks", """
        flood_fill(grid, 1, 1, color=8, connectivity=8)
        return grid
        """, ".33. 3..3 .3.3 ..3.", "8338 3883 8383 8838"),
    Case("insides_are_the_interior_without_the_boundary", """
        inner = object_interior(grid) & ~object_boundary(grid)
        grid[inner] = Color.RED
        return grid
        """, "11111 11111 11.11 11111 11111", "11111 12221 12221 12221 11111"),
    Case("neighbors_make_an_outline", """
        out = grid.copy()
        out[object_neighbors(grid, connectivity=8)] = Color.BLUE
        out[object_neighbors(grid, connectivity=4)] = Color.RED
        return out
        """, "..... .4... ..4.. .....", "121.. 2421. 1242. .121."),
    Case("a_cross_is_contiguous_and_its_corners_are_not", """
        corners = np.where(np.indices(grid.shape).sum(axis=0) % 2 == 0, grid, 0)
        return np.array([[is_contiguous(grid), is_contiguous(corners, connectivity=4),
                          is_contiguous(corners, background=Color.BLACK, connectivity=8),
                          is_contiguous(grid != 0), is_contiguous(grid * 0)]], dtype=int)
        """, "11. .11 111", "1.11."),
    Case("objects_of_a_size_are_found_by_a_predicate", """
        def is_bar(sprite):
            return 1 in sprite.shape and sprite.size > 1
        for obj in detect_objects(grid, predicate=is_bar, connectivity=4, monochromatic=True):
            grid[obj != Color.BLACK] = Color.TEAL
        return grid
        """, "11.2 ...2 3.33 3...", "88.8 ...8 8.88 8..."),
    Case("windows_of_a_form_are_found_everywhere", """
        is_full = lambda sprite: np.all(sprite == Color.BLUE)
        found = detect_objects(grid, _=None, predicate=is_full, allowed_dimensions=[(2, 2)],
                               can_overlap=False)
        for obj in found:
            grid[obj == Color.BLUE] = Color.RED
        return grid
        """, "11.1. 1111. .1111 ..111", "11.1. 1221. .2222 ..122"),
    Case("detected_objects_come_largest_first", """
        found = detect_objects(grid, connectivity=8, monochromatic=False)
        return np.array([[int(np.max(obj)) for obj in found]])
        """, "1..2. ....2 33... 3...4", "3214"),
    Case("colors_of_an_object_are_listed_once", """
        colors = object_colors(grid, background=Color.BLACK)
        assert len(colors) == 3
        return np.array(sorted(colors)).reshape(1, -1)
        """, "12. 212 ..7", "127"),
    Case("positions_are_those_of_the_box", """
        obj = find_connected_components(grid, connectivity=8)[0]
        top, left = object_position(obj, anchor="upper left")
        x, y = object_position(obj, anchor="center")
        bottom, right = object_position(obj, background=Color.BLACK, anchor="bottom right")
        return np.array([[top, left, x, y, bottom, right]])
        """, "..... ..2.. .2.2. ..2.. .....", "112233"),
    Case("sprites_grow_and_are_laid_onto_a_canvas", """
        sprite = scale_sprite(crop(grid), factor=2)
        canvas = np.full((4, 5), Color.GRAY)
        blit_sprite(canvas, sprite, x=1, y=2, background=Color.BLACK)
        return canvas
        """, "... .1. ..2", "55555 55115 55115 55552"),
    Case("blit_cuts_off_what_lies_outside", """
        sprite = np.array([[1, 2], [3, 4]])
        blit(grid, sprite, -1, -1)
        blit(grid, sprite, x=2, y=1, background=Color.BLUE)
        return blit_sprite(grid, sprite, 5, 5)
        """, "... ... 7.7", "4.. ... 7.2"),
    Case("translation_brings_in_the_background", """
        return translate(grid, 1, -1, background=Color.GREY)
        """, "123 456", "555 235"),
    Case("the_box_of_an_object_is_filled", """
        out = grid.copy()
        for obj in find_connected_components(grid, connectivity=8):
            mask = bounding_box_mask(obj)
            out[mask & (grid == Color.BLACK)] = Color.BROWN
        return out
        """, "1.1 .1. ..2", "191 919 ..2"),
    Case("a_repeating_pattern_is_continued", """
        for symmetry in [detect_translational_symmetry(grid, ignore_colors=[Color.BLACK])]:
            out = grid.copy()
            for x, y in np.argwhere(grid != Color.BLACK):
                for i, j in orbit(grid, x, y, symmetry):
                    out[i, j] = grid[x, y]
        return out
        """, "1212.. 343434 1.1212 ......", "121212 343434 121212 343434"),
    Case("a_mirrored_pattern_is_completed", """
        mirrors = detect_mirror_symmetry(grid, ignore_colors=[Color.BLACK])
        out = grid.copy()
        for x, y in np.argwhere(grid != Color.BLACK):
            for mirror in mirrors[:1]:
                for i, j in orbit(out, x, y, [mirror]):
                    out[i, j] = grid[x, y]
        return out
        """, "12.21 3...3 45.5. .....", "12.21 3...3 45.54 ....."),
    Case("a_turned_pattern_is_completed", """
        symmetry = detect_rotational_symmetry(grid, ignore_colors=[Color.BLACK])
        assert (symmetry.center_x, symmetry.center_y) == (1, 1)
        out = grid.copy()
        for x, y in np.argwhere(grid != Color.BLACK):
            for i in range(4):
                new_x, new_y = symmetry.apply(x, y, iters=i)
                out[new_x, new_y] = grid[x, y]
        return out
        """, "12. 232 12. ...", "121 232 121 ..."),
    Case("points_between_two_objects_are_marked", """
        a, b = [np.where(grid == c, grid, 0) for c in (Color.BLUE, Color.RED)]
        for x, y in np.argwhere(grid == Color.BLACK):
            if check_between_objects(obj1=a, obj2=b, x=x, y=y, padding=1):
                grid[x, y] = Color.YELLOW
        return grid
        """, "1...2 1...2 1...2 ....2", "1...2 14442 1...2 ....2"),
    Case("symmetries_map_whole_index_arrays", """
        flip = MirrorSymmetry(mirror_x=None, mirror_y=1)
        move = TranslationalSymmetry(translate_x=1, translate_y=0)
        xs, ys = np.nonzero(grid)
        out = np.zeros_like(grid)
        new_x, new_y = move.apply(*flip.apply(xs, ys), iters=-1)
        out[new_x, new_y] = grid[xs, ys]
        return out
        """, "... 1.. 23.", "..1 .32 ..."),
    Case("a_sprite_is_drawn_and_put_where_there_is_room", """
        random.seed(3)
        grid[2:, :] = Color.GRAY
        sprite = random_sprite(2, [2], density=1, symmetry="not_symmetric",
                               color_palette=[Color.RED])
        x, y = random_free_location_for_sprite(grid, sprite, background=Color.BLACK, border_size=0)
        assert (x, y) in [(0, 0), (0, 1)] and sprite.shape == (2, 2)
        try:
            random_free_location_for_object(grid, sprite, padding=1)
            return grid
        except ValueError:
            return blit_sprite(grid[:, :2] * 0, sprite, 0, 0)
        """, "... ... ...", "22 22 .."),
    Case("points_are_scattered_on_the_background_only", """
        assert randomly_scatter_points(grid, color=Color.BLUE, density=0.5) is grid
        return np.array([[np.sum(grid == c) for c in (Color.BLACK, Color.BLUE, Color.RED)]])
        """, "22.. 22.. .... ....", "484"),
    Case("spaced_indices_never_touch", """
        rows = randomly_spaced_indices(max_len=9, n_indices=2, border_size=1, padding=1)
        assert all(b - a > 1 for a, b in zip(rows, rows[1:])) and min(rows) >= 1 and max(rows) <= 6
        return np.full((1, len(rows)), Color.BLUE)
        """, ".", "11"),
    Case("sprites_are_made_symmetric_in_place", """
        upright, sideways = grid.copy(), grid.copy()
        apply_symmetry(upright, "vertical")
        apply_symmetry(sideways, "horizontal", background=Color.BLACK)
        apply_diagonal_symmetry(grid)
        return np.hstack([upright, sideways, grid])
        """, "1.2 3.. ...", "1.11.2132 3.33..3.. ...1.22.."),
    Case("generated_sprites_have_the_wished_symmetry", """
        sprite = generate_sprite(4, 6, symmetry_type="mirror", fill_percentage=0.4, max_colors=2,
                                 color_palate=[Color.RED, Color.PURPLE])
        assert np.array_equal(sprite, sprite[::-1]) and np.array_equal(sprite, sprite[:, ::-1])
        return np.array([sprite.shape])
        """, ".", "46"),
    Case("names_of_colors_may_be_looked_up_and_reassigned", """
        names = ["RED", "GREY", "GRAY", "PURPLE", "TEAL", "MAROON", "BROWN"]
        values = [getattr(Color, name) for name in names]
        Color.BLUE = 7
        assert f"{Color.RED}" == "2" and Color.GREEN in grid and len(Color.ALL_COLORS) == 10
        return np.array([[*values, Color.BLUE, Color.TRANSPARENT, Color.BACKGROUND]])
        """, "3", "25588997.."),
    Case("old_names_and_annotations_still_work", """
        def grow(pattern: NDArray, times: Optional[int] = None) -> Union[NDArray, List[Tuple[int]]]:
            return scale_pattern(pattern, times or 2)
        seen: Set[Any] = set(); by: Dict[int, Callable] = {2: grow}
        return by[2](grid)
        """, "12", "1122 1122"),
    Case("a_program_may_look_at_its_own_generator", """
        show_colored_grid(grid)
        visualize(lambda: np.eye(2, dtype=int), lambda grid: grid * 2, n_examples=1)
        base = Symmetry()
        return np.array([[int(base.apply(1, 2) is None)]])
        """, "12", "1"),
]  # fmt: skip

HEADERS = {
    "star": "from common import *\n",
    "with_numpy": "from common import *\nimport numpy as np\nfrom typing import *\n",
}


@pytest.fixture(scope="module")
def outputs():
    """What every program gives under every header."""
    programs = {
        (case.name, header): Program(
            code=f"{imports}\ndef transform(grid):\n{indent(dedent(case.body), '    ')}",
            inputs=(g(case.given),),
        )
        for case in CASES
        for header, imports in HEADERS.items()
    }
    with SandboxPool(workers=2, limits=Limits(timeout_s=10)) as pool:
        return dict(zip(programs, pool.run(list(programs.values())), strict=True))


@pytest.mark.parametrize("header", HEADERS)
@pytest.mark.parametrize("case", CASES, ids=lambda case: case.name)
def test_a_program_gives_what_was_worked_out_by_hand(case, header, outputs):
    execution = outputs[case.name, header]
    assert execution.outcome.ok, execution.message
    (grid,) = execution.grids
    assert grid is not None
    assert grid.tolist() == g(case.wanted).tolist()


def test_the_library_can_be_imported_as_a_module_too():
    code = "import common\nfrom common import Color as C\nimport numpy as np\n" + dedent(
        """
        def main(grid):
            sprite = common.crop(grid, background=C.BLACK)
            return common.scale_sprite(sprite, 2)
        """
    )
    with SandboxPool(workers=1, limits=Limits(timeout_s=10)) as pool:
        (execution,) = pool.run([Program(code=code, inputs=(g("... .1. ..."),))])
    assert execution.outcome.ok, execution.message
    assert [grid.tolist() for grid in execution.grids] == [[[1, 1], [1, 1]]]
