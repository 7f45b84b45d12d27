"""Things that move: until the edge, until contact, towards each other, onto marks."""

from typing import Literal

import numpy as np

from arcbench.dsl.concepts._components import Kind, Thing, things
from arcbench.dsl.concepts._types import AnyArray, Array, Direction
from arcbench.dsl.concepts.geometry import background_of

__all__ = [
    "absorb_dots",
    "align_objects",
    "attract_dots",
    "complete_copies",
    "connect_to_largest",
    "copy_to_marks",
    "drop_color",
    "drop_objects",
    "gravity_of_color",
    "mirror_around",
    "move_color",
    "move_dots_to_same_color",
    "move_objects",
    "move_objects_by_own_size",
    "move_towards",
    "move_until_touch",
    "project_dots",
    "put_dots_onto",
    "shoot_at",
]

_STEPS: dict[str, tuple[int, int]] = {
    "up": (-1, 0),
    "down": (1, 0),
    "left": (0, -1),
    "right": (0, 1),
}


def _lifted(grid: AnyArray, moved: list[Thing]) -> Array:
    """The grid without the things."""
    out = np.array(grid, order="C")
    cells = [i for thing in moved for i in thing.flat]
    out.ravel()[cells] = np.repeat([t.background for t in moved], [t.size for t in moved])
    return out


def _place(out: Array, thing: Thing, row: int, column: int) -> None:
    """Paint the thing with its box's corner at (row, column); what is outside is cut off."""
    height, width = out.shape
    if thing.size == 1:
        if 0 <= row < height and 0 <= column < width:
            out[row, column] = thing.color
        return
    top, left = max(0, -row), max(0, -column)
    bottom = min(thing.height, height - row)
    right = min(thing.width, width - column)
    if top >= bottom or left >= right:
        return
    view = out[row + top : row + bottom, column + left : column + right]
    part = (slice(top, bottom), slice(left, right))
    np.copyto(view, thing.patch[part], where=thing.mask[part] == 1)


def _fits(out: Array, thing: Thing, row: int, column: int) -> bool:
    """Whether the thing lies inside the grid and on background only."""
    if row < 0 or column < 0:
        return False
    if thing.size == 1:
        inside = row < out.shape[0] and column < out.shape[1]
        return inside and out.item(row, column) == thing.background
    view = out[row : row + thing.height, column : column + thing.width]
    if view.shape != thing.mask.shape:
        return False
    return bool((view[thing.mask == 1] == thing.background).all())


def _drop(out: Array, thing: Thing, direction: Direction) -> None:
    """Move the thing in `out`, where it is not yet, as far as it goes."""
    dr, dc = _STEPS[direction]
    row, column = thing.top, thing.left
    while _fits(out, thing, row + dr, column + dc):
        row, column = row + dr, column + dc
    _place(out, thing, row, column)


def _first_in(found: list[Thing], direction: Direction) -> list[Thing]:
    """The things in the order in which they reach the edge."""
    key = {
        "up": lambda t: t.top,
        "down": lambda t: -t.bottom,
        "left": lambda t: t.left,
        "right": lambda t: -t.right,
    }[direction]
    return sorted(found, key=key)


def drop_objects(grid: AnyArray, direction: Direction = "down", kind: Kind = "same_color") -> Array:
    """Let whole objects fall until the edge or another object stops them."""
    found = _first_in(things(grid, kind), direction)
    out = _lifted(grid, found)
    for thing in found:
        _drop(out, thing, direction)
    return out


def drop_color(grid: AnyArray, color: int, direction: Direction = "down") -> Array:
    """Let the objects of one colour fall until the edge or something else stops them."""
    found = [t for t in things(grid, "same_color") if t.color == color]
    found = _first_in(found, direction)
    out = _lifted(grid, found)
    for thing in found:
        _drop(out, thing, direction)
    return out


def move_objects(
    grid: AnyArray, direction: Direction, steps: int = 1, kind: Kind = "same_color"
) -> Array:
    """Move every object by some steps; what leaves the grid is lost."""
    return _moved(grid, things(grid, kind), direction, steps)


def move_color(grid: AnyArray, color: int, direction: Direction, steps: int = 1) -> Array:
    """Move the objects of one colour by some steps; all else stays."""
    found = [t for t in things(grid, "same_color") if t.color == color]
    return _moved(grid, found, direction, steps)


def _moved(grid: AnyArray, found: list[Thing], direction: Direction, steps: int) -> Array:
    dr, dc = _STEPS[direction]
    out = _lifted(grid, found)
    for thing in found:
        _place(out, thing, thing.top + steps * dr, thing.left + steps * dc)
    return out


def move_objects_by_own_size(grid: AnyArray, direction: Direction = "up") -> Array:
    """Move every object by its own height (up, down) or width."""
    found = things(grid, "same_color")
    dr, dc = _STEPS[direction]
    out = _lifted(grid, found)
    for thing in found:
        _place(out, thing, thing.top + dr * thing.height, thing.left + dc * thing.width)
    return out


def _all_of(grid: AnyArray, color: int) -> Thing | None:
    flat = np.flatnonzero(grid == color).tolist()
    return Thing(grid, flat, background_of(grid)) if flat else None


def _way(thing: Thing, target: Thing) -> tuple[int, int]:
    """One step towards the target's box, along each axis."""
    row = int(target.top > thing.bottom) - int(target.bottom < thing.top)
    column = int(target.left > thing.right) - int(target.right < thing.left)
    return row, column


def move_until_touch(grid: AnyArray, color: int, target_color: int) -> Array:
    """Move the object of one colour straight to that of another until they touch."""
    thing, target = _all_of(grid, color), _all_of(grid, target_color)
    if thing is None or target is None or color == target_color:
        return np.array(grid)
    dr, dc = _way(thing, target)
    out = _lifted(grid, [thing])
    row, column = thing.top, thing.left
    if dr or dc:
        while _fits(out, thing, row + dr, column + dc):
            row, column = row + dr, column + dc
    _place(out, thing, row, column)
    return out


def move_towards(grid: AnyArray, color: int, target_color: int, steps: int = 1) -> Array:
    """Move the cells of one colour some steps towards those of another."""
    thing, target = _all_of(grid, color), _all_of(grid, target_color)
    if thing is None or target is None or color == target_color:
        return np.array(grid)
    dr, dc = _way(thing, target)
    out = _lifted(grid, [thing])
    _place(out, thing, thing.top + steps * dr, thing.left + steps * dc)
    return out


def attract_dots(grid: AnyArray, color: int, target_color: int) -> Array:
    """The cells of one colour fly straight (or diagonally) to the object of another colour."""
    target = _all_of(grid, target_color)
    dots = [t for t in things(grid, "same_color_4") if t.color == color]
    if target is None or color == target_color:
        return np.array(grid)
    out = _lifted(grid, dots)
    for dot in dots:
        dr, dc = _way(dot, target)
        row, column = dot.top, dot.left
        for _ in range(max(grid.shape) if dr or dc else 0):
            near = (
                target.top - 1 <= row + dot.height - 1
                and row <= target.bottom + 1
                and target.left - 1 <= column + dot.width - 1
                and column <= target.right + 1
            )
            if near or not _fits(out, dot, row + dr, column + dc):
                break
            # Once level with the target it goes on along one axis only.
            row, column = row + dr, column + dc
            if target.top <= row <= target.bottom:
                dr = 0
            if target.left <= column <= target.right:
                dc = 0
        _place(out, dot, row, column)
    return out


def _sight(
    cells: list[list[int]], row: int, column: int, dr: int, dc: int, ground: int
) -> tuple[int, int] | None:
    """The first cell that is not background in a direction."""
    r, c = row + dr, column + dc
    while 0 <= r < len(cells) and 0 <= c < len(cells[0]):
        if cells[r][c] != ground:
            return r, c
        r, c = r + dr, c + dc
    return None


def move_dots_to_same_color(grid: AnyArray) -> Array:
    """Single cells fly straight to the larger object of their colour; those without one vanish."""
    ground = background_of(grid)
    found = things(grid, "same_color")
    dots = [t for t in found if t.size == 1]
    out = _lifted(grid, dots)
    cells = out.tolist()
    for dot in dots:
        for dr, dc in _STEPS.values():
            hit = (dot.top, dot.left)
            seen = _sight(cells, *hit, dr, dc, ground)
            while seen is not None and cells[seen[0]][seen[1]] != dot.color:
                seen = _sight(cells, *seen, dr, dc, ground)
            if seen is not None:
                out[seen[0] - dr, seen[1] - dc] = dot.color
                break
    return out


def project_dots(grid: AnyArray) -> Array:
    """Every single cell colours the nearest cell of the larger object that it faces."""
    ground = background_of(grid)
    found = things(grid, "same_color")
    cells = grid.tolist()
    large = {i for t in found if t.size > 1 for i in t.flat}
    out = np.array(grid)
    for dot in (t for t in found if t.size == 1):
        for dr, dc in _STEPS.values():
            seen = _sight(cells, dot.top, dot.left, dr, dc, ground)
            if seen is not None and seen[0] * grid.shape[1] + seen[1] in large:
                out[seen] = dot.color
    return out


def shoot_at(grid: AnyArray, target_color: int, color: int = -1) -> Array:
    """Draw lines from cells to the object of the target colour that they face."""
    ground = background_of(grid)
    cells = grid.tolist()
    out = np.array(grid)
    for row, column in np.argwhere((grid != ground) & (grid != target_color)).tolist():
        for dr, dc in _STEPS.values():
            seen = _sight(cells, row, column, dr, dc, ground)
            if seen is None or cells[seen[0]][seen[1]] != target_color:
                continue
            r, c = row + dr, column + dc
            while (r, c) != seen:
                out[r, c] = cells[row][column] if color < 0 else color
                r, c = r + dr, c + dc
    return out


def align_objects(
    grid: AnyArray, color: int, edge: Literal["top", "bottom", "left", "right"] = "top"
) -> Array:
    """Move all objects to the height (or column) of the object of the colour."""
    target = _all_of(grid, color)
    if target is None:
        return np.array(grid)
    found = things(grid, "same_color")
    out = _lifted(grid, found)
    for thing in found:
        row, column = thing.top, thing.left
        if edge == "top":
            row = target.top
        elif edge == "bottom":
            row = target.bottom - thing.height + 1
        elif edge == "left":
            column = target.left
        else:
            column = target.right - thing.width + 1
        _place(out, thing, row, column)
    return out


def copy_to_marks(grid: AnyArray, mark_color: int, keep_template: bool = True) -> Array:
    """Copy the template, the largest other object, centred onto every mark of a colour."""
    found = things(np.where(grid == mark_color, background_of(grid), grid), "any_color")
    marks = [t for t in things(grid, "same_color") if t.color == mark_color]
    if not found or not marks:
        return np.array(grid)
    template = max(found, key=lambda t: t.size)
    out = _lifted(grid, marks if keep_template else [*marks, template])
    for mark in marks:
        row = (mark.top + mark.bottom - template.height + 1) // 2
        column = (mark.left + mark.right - template.width + 1) // 2
        _place(out, template, row, column)
    return out


def complete_copies(grid: AnyArray) -> Array:
    """Complete each one-coloured part of a many-coloured object to a copy of that object."""
    found = things(grid, "any_color")
    out = np.array(grid)
    ground = background_of(grid)
    cells_of = {color: np.argwhere(grid == color) for color in np.unique(grid).tolist()}
    rim = max(grid.shape)  # wide enough for copies that reach over the edge of the grid
    padded = np.pad(grid, rim, constant_values=ground)
    for template in (t for t in found if len(t.counts) > 1):
        height, width = template.mask.shape
        windows = np.lib.stride_tricks.sliding_window_view(padded, (height, width))
        for color in template.counts:
            part = np.where(template.patch == color, color, ground)
            row, column = divmod(int((part == color).argmax()), width)
            places = cells_of[color] + (rim - row, rim - column)
            for row, column in _where_equal(windows, part, places):
                _place(out, template, row - rim, column - rim)
    return out


def _where_equal(windows: AnyArray, part: AnyArray, places: AnyArray) -> list[list[int]]:
    """Those of the places (N, 2) whose window equals the part."""
    # Single cells first: comparing many windows whole takes long.
    for row, column in np.ndindex(*part.shape):
        if len(places) * part.size < 10_000:
            break
        seen = windows[places[:, 0], places[:, 1], row, column]
        places = places[seen == part[row, column]]
    same = (windows[places[:, 0], places[:, 1]] == part).all((1, 2))
    found: list[list[int]] = places[same].tolist()
    return found


def gravity_of_color(grid: AnyArray, color: int, direction: Direction = "down") -> Array:
    """Let every single cell of one colour fall until the edge or another cell stops it."""
    ground = background_of(grid)
    turns = {"down": 0, "right": 3, "up": 2, "left": 1}[direction]
    turned = np.rot90(grid, turns).tolist()
    for row in range(len(turned) - 2, -1, -1):
        for column, value in enumerate(turned[row]):
            if value != color:
                continue
            to = row
            while to + 1 < len(turned) and turned[to + 1][column] == ground:
                to += 1
            if to != row:
                turned[row][column], turned[to][column] = ground, color
    return np.array(np.rot90(np.array(turned), -turns))


def connect_to_largest(grid: AnyArray, color: int = -1) -> Array:
    """Draw lines from all single cells to the largest object where they face it.

    The lines have the cell's colour, or the `color` given.
    """
    ground = background_of(grid)
    found = things(grid, "same_color")
    if not found:
        return np.array(grid)
    target = max(found, key=lambda t: t.size)
    goal = set(target.flat)
    cells = grid.tolist()
    out = np.array(grid)
    for dot in (t for t in found if t.size == 1 and t is not target):
        for dr, dc in _STEPS.values():
            seen = _sight(cells, dot.top, dot.left, dr, dc, ground)
            if seen is None or seen[0] * grid.shape[1] + seen[1] not in goal:
                continue
            r, c = dot.top + dr, dot.left + dc
            while (r, c) != seen:
                out[r, c] = dot.color if color < 0 else color
                r, c = r + dr, c + dc
    return out


def absorb_dots(grid: AnyArray, target_color: int) -> Array:
    """All other cells fly straight to the object of the colour, stop beside it and take it on."""
    ground = background_of(grid)
    other = next(c for c in range(10) if c not in (ground, target_color))
    dots = np.where((grid == ground) | (grid == target_color), grid, other)
    moved = attract_dots(dots, other, target_color)
    return np.where(moved == other, target_color, moved)


def _is_symmetric_both_ways(patch: AnyArray) -> bool:
    return bool((patch == patch[:, ::-1]).all() and (patch == patch[::-1]).all())


def mirror_around(grid: AnyArray, color: int = -1) -> Array:
    """Mirror everything around the middle of the cells of a colour, to all four sides.

    With -1 the colour is taken whose cells are already symmetric both ways.
    """
    if color < 0:
        ground = background_of(grid)
        sets = [_all_of(grid, c) for c in np.unique(grid).tolist() if c != ground]
        center = next((t for t in sets if t and _is_symmetric_both_ways(t.patch)), None)
    else:
        center = _all_of(grid, color)
    if center is None:
        return np.array(grid)
    ground = background_of(grid)
    height, width = grid.shape
    out = np.array(grid)
    for row, column in np.argwhere(grid != ground).tolist():
        for r in (row, center.top + center.bottom - row):
            for c in (column, center.left + center.right - column):
                if 0 <= r < height and 0 <= c < width and out[r, c] == ground:
                    out[r, c] = grid[row, column]
    return out


def put_dots_onto(grid: AnyArray, color: int) -> Array:
    """All other cells leave their place and recolour the nearest cell of `color`."""
    ground = background_of(grid)
    cells = np.argwhere(grid == color)
    out = np.where(grid == color, grid, ground)
    if not len(cells):
        return np.array(grid)
    for row, column in np.argwhere((grid != ground) & (grid != color)).tolist():
        distances = np.abs(cells - (row, column)).sum(1)
        out[tuple(cells[int(distances.argmin())])] = grid[row, column]
    return out
