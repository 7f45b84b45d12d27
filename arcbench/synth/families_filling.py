"""Families that fill holes, insides, boxes and regions."""

from collections.abc import Sequence

import numpy as np

from arcbench.dsl.concepts._components import enclosed, things
from arcbench.dsl.concepts._types import Array
from arcbench.dsl.concepts.filling import fill_empty_squares
from arcbench.synth.drafts import draft
from arcbench.synth.family import RNG, Draft, Family
from arcbench.synth.inputs import (
    between,
    blank,
    chance,
    noise_grids,
    pick,
)
from arcbench.synth.inputs_objects import (
    Maker,
    blob,
    box,
    changed_by,
    frame,
    name_of,
    new_color,
    new_colors,
    object_style,
    open_frame,
    scenes,
    until,
)


def _fill_holes(rng: RNG) -> Draft:
    style = object_style(rng, 7, 16, (1, 2), black=0.93)
    color = new_color(rng, style.colors)
    figures = [frame(3, 6), frame(3, 5), blob(4, 6), box(1, 3)]
    tangle = chance(rng, 0.35)
    kind = rng.random()
    if kind < 0.55:
        step = f"fill_holes(grid, {name_of(color)})"
    elif kind < 0.8:
        shape = pick(rng, ("square", "not_square", "largest", "smallest", "rectangle"))
        step = f'fill_hole_shapes(grid, "{shape}", {name_of(color)})'
        figures = [frame(3, 6, is_square=0.5)]
    elif kind < 0.9:
        step = f"keep_holes(grid, {name_of(color)})"
    else:
        step = f"fill_outside(grid, {name_of(color)})"
    inner = scenes(rng, style, figures, 1, 5)

    def draw(rng: RNG) -> Array:
        if not tangle or kind >= 0.55:
            return inner(rng)
        # Loose strokes that cross and so enclose ground, as hand-drawn loops do.
        grid = blank(rng, style)
        color = style.color(rng)
        for _ in range(between(rng, 4, 8)):
            view = grid if chance(rng, 0.5) else grid.T
            row = between(rng, 0, len(view) - 1)
            start = between(rng, 0, view.shape[1] - 3)
            view[row, start : start + between(rng, 3, 8)] = color
        return grid

    inputs = until(draw, lambda grid: bool(enclosed(grid, style.background)))
    return draft("holes, fill", step, inputs)


def _holes_by_side(rng: RNG) -> Draft:
    style = object_style(rng, 9, 17, (1, 1), black=1.0)
    count = between(rng, 2, 4)
    names = ", ".join(name_of(c) for c in new_colors(rng, count, style.colors))
    makers = (frame(3, count + 2, is_square=1.0),)
    step = f"fill_holes_by_side(grid, {names})"
    return draft("holes, size, fill", step, scenes(rng, style, makers, 3, 5))


def _parity(rng: RNG) -> Draft:
    style = object_style(rng, 9, 16, (1, 1), black=1.0)
    one, two = new_colors(rng, 2, style.colors)
    step = f"fill_holes_by_parity(grid, {name_of(one)}, {name_of(two)})"
    return draft("holes, even, odd", step, scenes(rng, style, (frame(3, 7, 0.8),), 2, 4))


def _own_mark(rng: RNG) -> Draft:
    style = object_style(rng, 8, 15, (2, 5), black=1.0)
    rim, *marks = style.colors

    def make(rng: RNG, colors: Sequence[int]) -> Array:
        out = frame(4, 7)(rng, [rim])
        out[between(rng, 1, len(out) - 2), between(rng, 1, out.shape[1] - 2)] = pick(rng, marks)
        return out

    inputs = scenes(rng, style, (make,), 1, 4)
    return draft("frame, mark, fill", "fill_holes_with_own_mark(grid)", inputs)


def _leak(rng: RNG) -> Draft:
    style = object_style(rng, 8, 15, (1, 2), black=1.0)
    color = new_color(rng, style.colors)
    inputs = scenes(rng, style, (open_frame(4, 7),), 1, 2, gap=1)
    return draft("frame, leak, fill", f"fill_holes_and_leak(grid, {name_of(color)})", inputs)


def _inside(rng: RNG) -> Draft:
    style = object_style(rng, 8, 16, (1, 3), black=0.95)
    one, two, three, four = new_colors(rng, 4, style.colors)
    kind = rng.random()
    makers: tuple[Maker, ...] = (box(3, 7),)
    if kind < 0.35:
        return draft(
            "inside, fill", f"fill_inside(grid, {name_of(one)})", scenes(rng, style, makers, 1, 4)
        )
    if kind < 0.5:
        return draft("hollow", "hollow_objects(grid)", scenes(rng, style, makers, 1, 4))
    if kind < 0.65:
        inputs = until(
            scenes(rng, style, makers, 2, 4),
            lambda grid: len({t.size for t in things(grid)}) == len(things(grid)) > 1,
        )
        step = f"fill_inside_by_rank(grid, {name_of(one)}, {name_of(two)})"
        return draft("inside, size, fill", step, inputs)
    if kind < 0.8:
        step = f"color_corners_edges_inside(grid, {name_of(one)}, {name_of(two)}, {name_of(three)})"
        return draft("corners, edges, inside", step, scenes(rng, style, makers, 1, 4))
    count = between(rng, 2, 4)
    names = ", ".join(name_of(c) for c in (one, two, three, four)[:count])
    makers = (box(2 * count - 1, 2 * count + 3),)
    style = object_style(rng, 2 * count + 2, 16, (1, 1), black=1.0)
    names = ", ".join(name_of(c) for c in new_colors(rng, count, style.colors))
    return draft("rings", f"color_rings(grid, {names})", scenes(rng, style, makers, 1, 2))


def _between_dots(rng: RNG) -> Draft:
    style = object_style(rng, 8, 15, (1, 3), black=1.0)
    color = new_color(rng, style.colors)

    def make(rng: RNG, colors: Sequence[int]) -> Array:
        out = np.full((between(rng, 3, 6), between(rng, 3, 6)), -1)
        out[:: len(out) - 1, :: out.shape[1] - 1] = pick(rng, colors)
        return out

    inputs = scenes(rng, style, (make,), 1, 3)
    return draft("corner dots, fill", f"fill_between_dots(grid, {name_of(color)})", inputs)


def _empty_squares(rng: RNG) -> Draft:
    style = object_style(rng, 6, 13, (1, 2), black=0.9)
    color = new_color(rng, style.colors)
    size = pick(rng, (2, 3, 3, 4))
    density = {2: 0.6, 3: 0.35, 4: 0.22}[size]
    inputs = changed_by(
        noise_grids(rng, style, density), lambda grid: fill_empty_squares(grid, color, size)
    )
    step = f"fill_empty_squares(grid, {name_of(color)}, {size})"
    return draft("empty squares, fill", step, inputs)


def _large_regions(rng: RNG) -> Draft:
    style = object_style(rng, 6, 14, (1, 5), black=1.0)
    size = pick(rng, (2, 2, 3, 4))
    black = chance(rng, 0.6)
    region = 0 if black else style.colors[0]
    color = name_of(new_color(rng, style.colors))
    name = "Color.BLACK" if black else name_of(region)
    step = f"recolor_large_regions(grid, {name}, {size}, {color})"
    inputs = noise_grids(rng, style, float(rng.uniform(0.4, 0.7) if black else 0.35))
    return draft("regions, size, recolor", step, inputs)


FAMILIES = [
    Family(name="fill holes", draw=_fill_holes, weight=2.0, second=False),
    Family(name="fill holes by side", draw=_holes_by_side, weight=0.5, second=False),
    Family(name="fill frame with its mark", draw=_own_mark, weight=0.6, second=False),
    Family(name="fill open frame", draw=_leak, weight=0.5, second=False),
    Family(name="fill inside", draw=_inside, weight=2.0),
    Family(name="fill between dots", draw=_between_dots, weight=0.6, second=False),
    Family(name="fill empty squares", draw=_empty_squares, weight=0.6),
    Family(name="fill holes by parity", draw=_parity, weight=0.4, second=False),
    Family(name="recolor large regions", draw=_large_regions, weight=0.5, second=False),
]
