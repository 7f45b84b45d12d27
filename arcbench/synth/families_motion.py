"""Families of things that move, are aligned, copied to marks or fly at each other."""

from collections.abc import Sequence
from typing import Literal

import numpy as np

from arcbench.dsl.concepts._types import AnyArray, Array
from arcbench.dsl.concepts.physics import (
    align_objects,
    attract_dots,
    connect_to_largest,
    project_dots,
    shoot_at,
)
from arcbench.synth.drafts import DIRECTIONS, draft
from arcbench.synth.family import RNG, Draft, Family
from arcbench.synth.inputs import between, blank, chance, paint_noise, pick
from arcbench.synth.inputs_objects import (
    Maker,
    blob,
    box,
    changed_by,
    dot,
    line,
    many_colored,
    name_of,
    object_style,
    paint_figures,
    place,
    scenes,
)

Edge = Literal["top", "bottom", "left", "right"]
EDGES: tuple[Edge, ...] = ("top", "bottom", "left", "right")
SHAPES: tuple[Maker, ...] = (blob(2, 4), box(1, 4), blob(2, 3))


def _drop(rng: RNG) -> Draft:
    style = object_style(rng, 7, 15, (1, 4), black=0.95)
    kind = ', "any_color"' if len(style.colors) > 1 and chance(rng, 0.25) else ""
    step = f"drop_objects(grid, {pick(rng, DIRECTIONS)}{kind})"
    makers = (many_colored(2, 3), blob(2, 3)) if kind else SHAPES
    return draft("objects, gravity", step, scenes(rng, style, makers, 1, 5))


def _drop_color(rng: RNG) -> Draft:
    style = object_style(rng, 7, 14, (2, 3), black=0.95)
    step = f"drop_color(grid, {name_of(style.colors[0])}, {pick(rng, DIRECTIONS)})"
    makers = (line(1, 4), dot(), box(1, 3), box(2, 4))
    return draft("color, gravity", step, scenes(rng, style, makers, 3, 6))


def _move(rng: RNG) -> Draft:
    style = object_style(rng, 6, 14, (1, 4), black=0.95)
    way = pick(rng, DIRECTIONS)
    steps = pick(rng, (1, 1, 1, 2, 3))
    end = "" if steps == 1 else f", {steps}"
    kind = rng.random()
    if kind < 0.35:
        step = f"move_objects(grid, {way}{end})"
    elif kind < 0.75:
        step = f"move_color(grid, {name_of(style.colors[0])}, {way}{end})"
    else:
        step = f"move_objects_by_own_size(grid, {way})"
    return draft("object, move", step, scenes(rng, style, SHAPES, 1, 4))


def _touch(rng: RNG) -> Draft:
    """An object that faces another: it moves until they touch, or some steps."""
    style = object_style(rng, 8, 15, (2, 2), black=0.97)
    mover, target = style.colors
    kind = rng.random()
    if kind < 0.7:
        step = f"move_until_touch(grid, {name_of(mover)}, {name_of(target)})"
    else:
        step = f"move_towards(grid, {name_of(mover)}, {name_of(target)})"

    def draw(rng: RNG) -> Array:
        grid = blank(rng, style)
        figures = [pick(rng, SHAPES)(rng, [color]) for color in (target, mover)]
        view = grid if chance(rng, 0.5) else grid.T
        order = figures if chance(rng, 0.5) else figures[::-1]
        heights = [len(f) for f in order]
        free = len(view) - sum(heights)
        if free < 2:
            return grid
        start = between(rng, 0, free - 2)
        gap = between(rng, 2, free - start)
        column = between(rng, 0, max(0, view.shape[1] - max(f.shape[1] for f in order)))
        for figure, row in zip(order, (start, start + heights[0] + gap), strict=True):
            width = min(figure.shape[1], view.shape[1] - column)
            at = min(view.shape[1] - width, max(0, column + between(rng, -1, 1)))
            part = view[row : row + len(figure), at : at + width]
            part[figure[:, :width] >= 0] = figure[:, :width][figure[:, :width] >= 0]
        return grid

    return draft("object, move, touch", step, draw)


def _attract(rng: RNG) -> Draft:
    style = object_style(rng, 8, 15, (2, 2), black=0.97)
    mover, target = style.colors
    single = chance(rng, 0.5)

    def draw(rng: RNG) -> Array:
        grid = blank(rng, style)
        height, width = grid.shape
        rows, columns = between(rng, 1, height // 2), between(rng, 1, width // 2)
        if single:
            rows, columns = min(rows, 3), min(columns, 3)
        row, column = between(rng, 1, height - rows - 1), between(rng, 1, width - columns - 1)
        grid[row : row + rows, column : column + columns] = target
        for _ in range(between(rng, 1, 5)):
            if chance(rng, 0.5):
                at = between(rng, row, row + rows - 1), between(rng, 0, width - 1)
            else:
                at = between(rng, 0, height - 1), between(rng, column, column + columns - 1)
            if grid[at] == style.background:
                grid[at] = mover
        return grid

    step = f"attract_dots(grid, {name_of(mover)}, {name_of(target)})"
    if chance(rng, 0.3):
        step = f"absorb_dots(grid, {name_of(target)})"
    inputs = changed_by(draw, lambda grid: attract_dots(grid, mover, target))
    return draft("dots, attract", step, inputs)


def _to_lines(rng: RNG) -> Draft:
    """Walls or bars of colours and dots of the same and of other colours."""
    style = object_style(rng, 8, 15, (2, 4), black=1.0)
    upright = chance(rng, 0.5)
    count = between(rng, 1, 2)

    def draw(rng: RNG) -> Array:
        grid = blank(rng, style)
        view = grid.T if upright else grid
        third = len(view) // (count + 1)
        for k in range(count):
            view[third * (k + 1) + between(rng, -1, 1)] = style.colors[k]
        taken = grid != 0
        for _ in range(between(rng, 2, 6)):
            place(rng, grid, taken, np.full((1, 1), style.color(rng)))
        return grid

    return draft("dots, move, lines", "move_dots_to_same_color(grid)", draw)


def _project(rng: RNG) -> Draft:
    style = object_style(rng, 8, 15, (2, 4), black=1.0)
    main, *others = style.colors
    kind = rng.random()

    def draw(rng: RNG) -> Array:
        grid = blank(rng, style)
        makers = (box(2, 5),) if kind < 0.5 else (box(1, 3), line(2, 5), dot())
        taken = paint_figures(rng, grid, makers, [main], between(rng, 1, 2))
        for _ in range(between(rng, 2, 5)):
            place(rng, grid, taken, np.full((1, 1), pick(rng, others)))
        return grid

    step = "project_dots(grid)" if kind < 0.5 else f"shoot_at(grid, {name_of(main)})"

    def result(grid: AnyArray) -> AnyArray:
        return project_dots(grid) if kind < 0.5 else shoot_at(grid, main)

    return draft("dots, facing", step, changed_by(draw, result))


def _align(rng: RNG) -> Draft:
    style = object_style(rng, 7, 14, (2, 4), black=1.0)
    main = style.colors[0]
    edge = pick(rng, EDGES)
    step = f'align_objects(grid, {name_of(main)}, "{edge}")'
    upright = edge in ("left", "right")

    def draw(rng: RNG) -> Array:
        grid = blank(rng, style)
        view = grid.T if upright else grid
        column = between(rng, 0, 1)
        colors: Sequence[int] = [main, *rng.permutation(style.colors[1:]).tolist()]
        order = rng.permutation(len(colors)).tolist()
        for index in order:
            figure = pick(rng, (blob(2, 3), box(1, 3)))(rng, [colors[index]])
            height, width = figure.shape
            if column + width > view.shape[1]:
                break
            row = between(rng, 0, len(view) - height)
            part = view[row : row + height, column : column + width]
            part[figure >= 0] = figure[figure >= 0]
            column += width + between(rng, 1, 2)
        return grid

    inputs = changed_by(draw, lambda grid: align_objects(grid, main, edge))
    return draft("objects, align", step, inputs)


def _copy(rng: RNG) -> Draft:
    style = object_style(rng, 9, 16, (2, 4), black=1.0)
    mark, *colors = style.colors
    keep = chance(rng, 0.6)
    big = chance(rng, 0.4)
    size = pick(rng, (2, 3)) if big else pick(rng, (3, 3, 5))

    def draw(rng: RNG) -> Array:
        grid = blank(rng, style)
        taken = np.zeros(grid.shape, dtype=bool)
        place(rng, grid, taken, many_colored(size, size)(rng, colors))
        for _ in range(between(rng, 1, 4)):
            figure = np.full((size, size) if big else (1, 1), mark)
            place(rng, grid, taken, figure, gap=1 if big else 3)
        return grid

    step = f"copy_to_marks(grid, {name_of(mark)}{'' if keep else ', False'})"
    return draft("template, copy, marks", step, draw)


def _complete(rng: RNG) -> Draft:
    """A figure of a few colours, and parts of one of its colours elsewhere."""
    style = object_style(rng, 9, 16, (2, 4), black=1.0)
    patterns = (
        ("x.x", ".o.", "x.x"), (".x.", "xox", ".x."), ("xox",), ("xo", "ox"), ("xxx", "xox", "xxx"),
        ("x..", ".o.", "..x"),
    )  # fmt: skip

    def draw(rng: RNG) -> Array:
        grid = blank(rng, style)
        taken = np.zeros(grid.shape, dtype=bool)
        count = 1 if len(style.colors) < 4 else 2
        for k in range(count):
            one, two = style.colors[2 * k : 2 * k + 2]
            rows = patterns[int(rng.integers(len(patterns)))]
            cells = {"x": one, "o": two, ".": -1}
            figure = np.array([[cells[c] for c in row] for row in rows])
            place(rng, grid, taken, figure)
            for _ in range(between(rng, 1, 3)):
                part = np.where(figure == pick(rng, (one, two)), figure, -1)
                place(rng, grid, taken, part)
        return grid

    return draft("template, complete", "complete_copies(grid)", draw)


def _color_falls(rng: RNG) -> Draft:
    style = object_style(rng, 6, 14, (2, 3), black=1.0)
    mover, *others = style.colors
    way = pick(rng, DIRECTIONS)
    density = float(rng.uniform(0.05, 0.2))
    roof = chance(rng, 0.5)
    turns = {'"down"': 2, '"up"': 0, '"left"': 1, '"right"': 3}[way]

    def draw(rng: RNG) -> Array:
        grid = blank(rng, style)
        if not roof:
            paint_noise(rng, grid, style.colors, density)
            return grid
        # A block with bays and bars on the other side that fit into them, turned into place.
        grid = np.array(np.rot90(grid, -turns))
        top = between(rng, 0, 2)
        for column in range(grid.shape[1]):
            grid[top : top + between(rng, 1, 4), column] = others[0]
            if chance(rng, 0.4):
                length = between(rng, 1, max(1, min(3, len(grid) - 8)))
                grid[len(grid) - length :, column] = mover
        return np.array(np.rot90(grid, turns))

    return draft("color, gravity, cells", f"gravity_of_color(grid, {name_of(mover)}, {way})", draw)


def _to_largest(rng: RNG) -> Draft:
    style = object_style(rng, 8, 15, (2, 4), black=0.7)
    main, *others = style.colors
    step = "connect_to_largest(grid)"

    def draw(rng: RNG) -> Array:
        grid = blank(rng, style)
        taken = paint_figures(rng, grid, (box(2, 6), box(3, 5)), [main], 1)
        for _ in range(between(rng, 1, 4)):
            place(rng, grid, taken, np.full((1, 1), pick(rng, others)))
        return grid

    return draft("dots, connect, largest", step, changed_by(draw, connect_to_largest))


def _mirror_around(rng: RNG) -> Draft:
    style = object_style(rng, 9, 16, (2, 3), black=1.0)
    own = chance(rng, 0.5)
    main, *others = style.colors
    figures = [np.ones((2, 2)), np.eye(3) + np.eye(3)[::-1], np.ones((3, 3)), np.ones((1, 1))]
    figures[3] = np.array([[0, 1, 0], [1, 1, 1], [0, 1, 0]])
    mask = pick(rng, figures) > 0

    def draw(rng: RNG) -> Array:
        grid = blank(rng, style)
        height, width = grid.shape
        side = len(mask)
        middle = slice((height - side) // 2, (height - side) // 2 + side)
        middle_columns = slice((width - side) // 2, (width - side) // 2 + side)
        grid[middle, middle_columns][mask] = main
        rows, columns = middle.start, middle_columns.start
        if min(rows, columns) < 2:
            return grid
        high, wide = min(rows, between(rng, 2, 4)), min(columns, between(rng, 2, 4))
        figure = many_colored(2, 4)(rng, others)[:high, :wide]
        high, wide = figure.shape
        view = grid[rows - high : rows, columns - wide : columns]
        view[figure >= 0] = figure[figure >= 0]
        return np.array(np.rot90(grid, between(rng, 0, 3)))

    step = "mirror_around(grid)" if own else f"mirror_around(grid, {name_of(main)})"
    return draft("mirror, center", step, draw)


def _onto(rng: RNG) -> Draft:
    style = object_style(rng, 8, 14, (3, 5), black=1.0)
    main, *keys = style.colors
    small = chance(rng, 0.6)

    def draw(rng: RNG) -> Array:
        grid = blank(rng, style)
        height, width = grid.shape
        side = 2 if small else between(rng, 3, 4)
        row, column = between(rng, 2, height - 2 - side), between(rng, 2, width - 2 - side)
        grid[row : row + side, column : column + side] = main
        for up in (True, False):
            for left in (True, False):
                r = between(rng, 0, row - 1) if up else between(rng, row + side, height - 1)
                c = between(rng, 0, column - 1) if left else between(rng, column + side, width - 1)
                if small or chance(rng, 0.8):
                    grid[r, c] = pick(rng, keys)
        return grid

    return draft("dots, onto object", f"put_dots_onto(grid, {name_of(main)})", draw)


FAMILIES = [
    Family(name="drop objects", draw=_drop, weight=1.2),
    Family(name="drop a color", draw=_drop_color, weight=0.8, second=False),
    Family(name="move objects", draw=_move, weight=1.2),
    Family(name="move until touch", draw=_touch, weight=1.2, second=False),
    Family(name="attract dots", draw=_attract, weight=0.8, second=False),
    Family(name="dots to lines", draw=_to_lines, weight=0.6, second=False),
    Family(name="project dots", draw=_project, weight=0.8, second=False),
    Family(name="align objects", draw=_align, weight=0.5, second=False),
    Family(name="copy to marks", draw=_copy, weight=1.0, second=False),
    Family(name="complete copies", draw=_complete, weight=0.8, second=False),
    Family(name="cells of a color fall", draw=_color_falls, weight=0.6, second=False),
    Family(name="connect to the largest", draw=_to_largest, weight=0.6, second=False),
    Family(
        name="mirror around an object", draw=_mirror_around, weight=0.6, second=False, tied=True
    ),
    Family(name="dots onto an object", draw=_onto, weight=0.4, second=False),
]
