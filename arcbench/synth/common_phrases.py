"""Programs that find objects with BARC's `common`, as its models write them.

For the steps that have such a form; ties and grids without black may make it another program, so
it is to be run on the task's pairs before it is used.
"""

import re
from collections.abc import Callable, Mapping

from arcbench.synth.family import Draft

_SIZE = "np.sum(obj != Color.BLACK)"
_EDGES = "np.any(obj[[0, -1]] != Color.BLACK) or np.any(obj[:, [0, -1]] != Color.BLACK)"
_FULL = "np.all(crop(obj) != Color.BLACK)"
# What an object is measured by; the chosen ones have the largest value.
_MEASURES: Mapping[str, str] = {
    "largest": _SIZE,
    "smallest": f"-{_SIZE}",
    "largest_box": "crop(obj).size",
    "tallest": "crop(obj).shape[0]",
    "widest": "crop(obj).shape[1]",
    "top": "-bounding_box(obj)[0]",
    "left": "-bounding_box(obj)[1]",
    "bottom": "bounding_box(obj)[0] + bounding_box(obj)[2]",
    "right": "bounding_box(obj)[1] + bounding_box(obj)[3]",
    "most_colors": "len(np.unique(obj))",
    "fewest_colors": "-len(np.unique(obj))",
}
_TESTS: Mapping[str, str] = {
    "dot": f"{_SIZE} == 1",
    "not_dot": f"{_SIZE} > 1",
    "rectangle": _FULL,
    "not_rectangle": f"not {_FULL}",
    "square": f"{_FULL} and crop(obj).shape[0] == crop(obj).shape[1]",
    "line": f"{_FULL} and min(crop(obj).shape) == 1 and {_SIZE} > 1",
    "bordering": _EDGES,
    "inner": f"not ({_EDGES})",
    "symmetric": "np.array_equal(crop(obj), np.fliplr(crop(obj))) "
    "or np.array_equal(crop(obj), np.flipud(crop(obj)))",
}
_CONNECTED: Mapping[str, str] = {
    "same_color": "connectivity=8, monochromatic=True",
    "same_color_4": "connectivity=4, monochromatic=True",
    "any_color": "connectivity=8, monochromatic=False",
    "any_color_4": "connectivity=4, monochromatic=False",
}
_KIND = r'(?:, "(?P<kind>\w+)")?'


def _chosen(which: str, kind: str | None) -> list[str] | None:
    """Lines that put the objects of a property into `chosen`."""
    found = f"objects = find_connected_components(grid, {_CONNECTED[kind or 'same_color']})"
    if which in _TESTS:
        return [found, f"chosen = [obj for obj in objects if {_TESTS[which]}]"]
    if which in _MEASURES:
        measure = _MEASURES[which]
        return [
            found,
            f"best = max({measure} for obj in objects)",
            f"chosen = [obj for obj in objects if {measure} == best]",
        ]
    return None


def _of_chosen(*after: str) -> Callable[[re.Match[str]], list[str] | None]:
    def lines(match: re.Match[str]) -> list[str] | None:
        before = _chosen(match["which"], match.groupdict().get("kind"))
        return None if before is None else [*before, *(match.expand(line) for line in after)]

    return lines


def _plainly(*lines: str) -> Callable[[re.Match[str]], list[str] | None]:
    return lambda match: [match.expand(line) for line in lines]


_LOOP = "for obj in chosen:"
_FORMS: tuple[tuple[str, Callable[[re.Match[str]], list[str] | None]], ...] = (
    (r"(?P<which>largest|smallest)_object\(grid\)", _of_chosen("grid = crop(chosen[0])")),
    (rf'crop_object\(grid, "(?P<which>\w+)"{_KIND}\)', _of_chosen("grid = crop(chosen[0])")),
    (
        rf'keep_objects\(grid, "(?P<which>\w+)"{_KIND}\)',
        _of_chosen(
            "kept = np.full(grid.shape, Color.BLACK)",
            _LOOP,
            "    kept = blit_object(kept, obj, background=Color.BLACK)",
            "grid = kept",
        ),
    ),
    (
        rf'remove_objects\(grid, "(?P<which>\w+)"{_KIND}\)',
        _of_chosen(_LOOP, "    grid = np.where(obj != Color.BLACK, Color.BLACK, grid)"),
    ),
    (
        rf'recolor_objects\(grid, "(?P<which>\w+)", (?P<new>Color\.\w+){_KIND}\)',
        _of_chosen(_LOOP, r"    grid = np.where(obj != Color.BLACK, \g<new>, grid)"),
    ),
    (
        r"recolor\(grid, (?P<old>Color\.\w+), (?P<new>Color\.\w+)\)",
        _plainly("grid = grid.copy()", r"grid[grid == \g<old>] = \g<new>"),
    ),
    (r"crop_to_content\(grid\)", _plainly("grid = crop(grid, background=Color.BLACK)")),
    (r"flip_horizontal\(grid\)", _plainly("grid = np.fliplr(grid)")),
    (r"flip_vertical\(grid\)", _plainly("grid = np.flipud(grid)")),
    (r"rotate_clockwise\(grid\)", _plainly("grid = np.rot90(grid, -1)")),
    (r"rotate_180\(grid\)", _plainly("grid = np.rot90(grid, 2)")),
    (r"transpose\(grid\)", _plainly("grid = grid.T")),
    (r"upscale\(grid, (\d)\)", _plainly(r"grid = np.kron(grid, np.ones((\1, \1), dtype=int))")),
    (r"repeat\(grid, (\d), (\d)\)", _plainly(r"grid = np.tile(grid, (\1, \2))")),
    (r'mirror\(grid, "right"\)', _plainly("grid = np.hstack((grid, np.fliplr(grid)))")),
    (r'mirror\(grid, "bottom"\)', _plainly("grid = np.vstack((grid, np.flipud(grid)))")),
)
_PATTERNS = tuple((re.compile(pattern), lines) for pattern, lines in _FORMS)


def common_program(draft: Draft, description: list[str]) -> str | None:
    """The draft as a program over `common` and numpy; None where a step has no such form."""
    body: list[str] = []
    for step in draft.steps:
        written = next(
            (lines(m) for pattern, lines in _PATTERNS if (m := pattern.fullmatch(step))), None
        )
        if written is None:
            return None
        body += written
    head = ["from common import *", "", "import numpy as np", "", "# concepts:"]
    head += ["# " + ", ".join(draft.concepts), "", "# description:", *description, ""]
    lines = ["def transform(grid):", *(f"    {line}" for line in body), "    return grid"]
    return "\n".join([*head, *lines]) + "\n"
