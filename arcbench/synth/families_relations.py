"""Families in which what happens to an object follows from another one, or from free room."""

from collections.abc import Sequence

import numpy as np

from arcbench.dsl.concepts._types import AnyArray, Array
from arcbench.dsl.concepts.relations import recolor_same_shape, recolor_touching
from arcbench.synth.drafts import DIRECTIONS, draft, other_step
from arcbench.synth.family import RNG, Draft, Family
from arcbench.synth.inputs import between, blank, chance, draw_style, paint_noise, pick
from arcbench.synth.inputs_objects import (
    Maker,
    blob,
    box,
    changed_by,
    dot,
    frame,
    many_colored,
    name_of,
    new_color,
    object_style,
    place,
    scenes,
)

SHAPES: tuple[Maker, ...] = (blob(2, 3), box(1, 3), blob(3, 3), frame(3, 4))


def _same_shape(rng: RNG) -> Draft:
    """Figures of a few forms in one colour, and one in another that shows which form is meant."""
    style = object_style(rng, 9, 16, (2, 2), black=0.9)
    main, key = style.colors
    framed = chance(rng, 0.3)  # the key stands in a corner, set apart by a line
    line = new_color(rng, style.colors)

    def draw(rng: RNG) -> Array:
        grid = blank(rng, style)
        forms = [pick(rng, SHAPES)(rng, [main]) for _ in range(between(rng, 2, 3))]
        taken = np.zeros(grid.shape, dtype=bool)
        shown = np.where(forms[0] >= 0, key, -1)
        if framed:
            height, width = shown.shape
            grid[height + 1, : width + 2] = grid[: height + 2, width + 1] = line
            grid[:height, :width][shown >= 0] = key
            taken[: height + 2, : width + 2] = True
        else:
            place(rng, grid, taken, shown)
        for form in (forms[0], *forms[1:], *(pick(rng, forms) for _ in range(3))):
            place(rng, grid, taken, form)
        return grid

    inputs = changed_by(draw, lambda grid: recolor_same_shape(grid, key))
    return draft("object, same shape, recolor", f"recolor_same_shape(grid, {name_of(key)})", inputs)


def _touching(rng: RNG) -> Draft:
    """Figures of which some have a cell of another colour at their edge."""
    style = object_style(rng, 8, 15, (2, 2), black=0.9)
    main, mark = style.colors
    new = new_color(rng, style.colors, [style.background])
    share = float(rng.uniform(0.35, 0.65))

    def draw(rng: RNG) -> Array:
        grid = blank(rng, style)
        taken = np.zeros(grid.shape, dtype=bool)
        for _ in range(between(rng, 3, 5)):
            figure = np.pad(pick(rng, SHAPES)(rng, [main]), 1, constant_values=-1)
            if chance(rng, share):
                cells = _beside(figure)
                figure[cells[int(rng.random() * len(cells))]] = mark
            place(rng, grid, taken, figure, gap=0)
        for _ in range(between(rng, 0, 2)):
            place(rng, grid, taken, np.full((1, 1), mark))
        return grid

    inputs = changed_by(draw, lambda grid: recolor_touching(grid, main, mark, new))
    step = f"recolor_touching(grid, {name_of(main)}, {name_of(mark)}, {name_of(new)})"
    return draft("object, touch, recolor", step, inputs)


def _beside(figure: AnyArray) -> list[tuple[int, int]]:
    """Free places at an edge of the figure, which has a free rim."""
    full = figure >= 0
    near = np.zeros(full.shape, dtype=bool)
    near[1:] |= full[:-1]
    near[:-1] |= full[1:]
    near[:, 1:] |= full[:, :-1]
    near[:, :-1] |= full[:, 1:]
    return [(r, c) for r, c in np.argwhere(near & ~full).tolist()]


def _largest_rectangle(rng: RNG) -> Draft:
    style = draw_style(rng, 8, 16, (1, 3), black=1.0, square=0.5)
    color = new_color(rng, style.colors)
    density = float(rng.uniform(0.3, 0.65))

    def draw(rng: RNG) -> Array:
        grid = blank(rng, style)
        paint_noise(rng, grid, style.colors, density)
        height, width = grid.shape
        rows, columns = between(rng, 2, height // 2), between(rng, 3, max(3, width // 2))
        row, column = between(rng, 0, height - rows), between(rng, 0, width - columns)
        grid[row : row + rows, column : column + columns] = 0
        return grid

    return draft(
        "rectangle, background, fill", f"fill_largest_rectangle(grid, {name_of(color)})", draw
    )


def _corners(rng: RNG) -> Draft:
    style = object_style(rng, 8, 15, (1, 2), black=0.9)
    color = new_color(rng, style.colors, [style.background])
    end = f", {name_of(color)}" if chance(rng, 0.4) else ""
    makers = (box(2, 4), box(1, 3), frame(3, 4))
    inputs = scenes(rng, style, makers, 1, pick(rng, (1, 1, 2)), gap=2)
    step = f"extend_corners(grid{end})"
    others = [f"extend_corners(grid, {name_of(c)})" for c in style.colors]
    return draft("diagonals, corners", step, inputs, other_step(step, others))


def _repeat(rng: RNG) -> Draft:
    style = object_style(rng, 7, 16, (1, 3), black=0.9)
    way = pick(rng, DIRECTIONS)
    gap = pick(rng, (0, 1, 1, 1, 2))
    makers: Sequence[Maker] = (many_colored(2, 3), blob(1, 3)) if gap else (many_colored(2, 3),)
    if gap and chance(rng, 0.25):
        makers = (dot(),)

    def draw(rng: RNG) -> Array:
        grid = blank(rng, style)
        # Drawn for "right": the figures stand at the left, each in rows of its own.
        view = {'"right"': grid, '"left"': grid[:, ::-1], '"down"': grid.T, '"up"': grid.T[:, ::-1]}
        sideways = view[way]
        row = between(rng, 0, 2)
        while row < len(sideways) - 1:
            figure = pick(rng, makers)(rng, style.colors)
            height, width = figure.shape
            if row + height > len(sideways) or width > sideways.shape[1]:
                break
            column = between(rng, 0, max(0, sideways.shape[1] // 2 - width))
            part = sideways[row : row + height, column : column + width]
            part[figure >= 0] = figure[figure >= 0]
            row += height + between(rng, 1, len(sideways))
        return grid

    end = "" if gap == 1 else f", {gap}"
    return draft("object, repeat, direction", f"repeat_objects(grid, {way}{end})", draw)


def _bounce(rng: RNG) -> Draft:
    style = draw_style(rng, 3, 9, (1, 3), black=0.95, same_size=0.4)
    way = pick(rng, DIRECTIONS)
    length = between(rng, 7, 14)

    def draw(rng: RNG) -> Array:
        side = between(rng, *style.columns)
        long = between(rng, length, length + 4)
        view = np.full((long, side), style.background, dtype=np.int64)
        row = long - 1 if way in ('"up"', '"left"') else 0
        # From the side edges it is clear which way it goes.
        column = pick(rng, (0, side - 1))
        view[row, column] = style.color(rng)
        return view if way in ('"up"', '"down"') else np.array(view.T)

    return draft("diagonal, bounce", f"bounce(grid, {way})", draw)


def _lattice(rng: RNG) -> Draft:
    """Panels of one colour each between lines; some in a row or a column have the same colour."""
    style = draw_style(rng, 4, 9, (2, 4), black=1.0)
    line, *colors = style.colors
    side = pick(rng, (1, 2, 2, 3))
    most = min(style.rows[1], 30 // (side + 1)), min(style.columns[1], 30 // (side + 1))

    def draw(rng: RNG) -> Array:
        rows, columns = (between(rng, 3, max(3, m)) for m in most)
        cells = np.zeros((rows, columns), dtype=np.int64)
        for _ in range(between(rng, 1, 3)):
            color = pick(rng, colors)
            view = cells if chance(rng, 0.5) else cells.T
            row = between(rng, 0, len(view) - 1)
            first = between(rng, 0, view.shape[1] - 3)
            view[row, [first, between(rng, first + 2, view.shape[1] - 1)]] = color
        for _ in range(between(rng, 0, 2)):
            cells[between(rng, 0, rows - 1), between(rng, 0, columns - 1)] = pick(rng, colors)
        grid = np.full((rows * (side + 1) - 1, columns * (side + 1) - 1), line)
        for k in range(side):
            for j in range(side):
                grid[k :: side + 1, j :: side + 1] = cells
        return grid

    return draft("panels, connect", "connect_panels(grid)", draw)


FAMILIES = [
    Family(name="recolor same shape", draw=_same_shape, weight=0.9, second=False),
    Family(name="recolor touching", draw=_touching, weight=0.9, second=False),
    Family(name="fill largest rectangle", draw=_largest_rectangle, weight=0.6, second=False),
    Family(name="extend corners", draw=_corners, weight=0.6, second=False),
    Family(name="repeat objects", draw=_repeat, weight=0.9, second=False),
    Family(name="bounce", draw=_bounce, weight=0.5, second=False),
    Family(name="connect panels", draw=_lattice, weight=0.7, second=False),
]
