"""Families that count, and small outputs that show a number, a colour or a choice."""

import numpy as np

from arcbench.dsl.concepts._components import Which, things
from arcbench.dsl.concepts._types import Array
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
    blob,
    box,
    dot,
    frame,
    line,
    more_natural,
    name_of,
    new_color,
    object_style,
    place,
    scenes,
    square,
    until,
)


def _count(rng: RNG) -> Draft:
    style = object_style(rng, 4, 11, (1, 3), black=1.0)
    color = style.colors[0]
    what = pick(rng, ("cells", "cells", "objects", "objects", "squares", "blocks"))
    layout = pick(rng, ("row", "row", "column", "diagonal", "checkers"))
    size = pick(rng, (3, 5, 6, 0)) if layout != "checkers" else pick(rng, (3, 3, 4))
    usual = "objects" if layout in ("diagonal", "checkers") else "cells"
    shown = f"result_color={name_of(new_color(rng, style.colors))}" if chance(rng, 0.4) else ""
    parts = [f'"{what}"' if what != usual or size else "", str(size) if size else "", shown]
    if layout == "checkers":
        parts = [f'"{what}"' if what != usual or size != 3 else "", "" if size == 3 else str(size),
                 shown]  # fmt: skip
    step = f"count_as_{layout}({', '.join(['grid', name_of(color), *filter(None, parts)])})"
    most = size if size and layout != "checkers" else (size * size + 1) // 2 if size else 8
    figures = {
        "cells": (dot(),),
        "objects": (blob(1, 2), box(1, 3)) if chance(rng, 0.6) else (square(2, 2), dot()),
        "squares": (square(2, 2), dot(), line(2, 3)),
        "blocks": (square(2, 2), dot(), line(2, 3)),
    }[what]

    def draw(rng: RNG) -> Array:
        grid = blank(rng, style)
        taken = np.zeros(grid.shape, dtype=bool)
        for _ in range(between(rng, 1, most)):
            place(rng, grid, taken, pick(rng, figures)(rng, [color]), 0 if what == "cells" else 1)
        for _ in range(between(rng, 0, 3) if len(style.colors) > 1 else 0):
            place(rng, grid, taken, pick(rng, figures)(rng, style.colors[1:]))
        return grid

    return draft("count", step, draw)


def _color_count(rng: RNG) -> Draft:
    style = object_style(rng, 3, 9, (2, 5), black=1.0)
    color = name_of(new_color(rng, style.colors))
    inputs = noise_grids(rng, style)

    def draw(rng: RNG) -> Array:
        grid = inputs(rng)
        kept = rng.permutation(style.colors)[: between(rng, 1, len(style.colors))]
        return np.where(np.isin(grid, kept), grid, 0)

    return draft("count colors", f"count_colors_as_row(grid, {color})", draw)


BLOCKS: tuple[Which, ...] = ("largest", "largest", "smallest", "largest_box", "most_holes")


def _block(rng: RNG) -> Draft:
    style = object_style(rng, 7, 15, (2, 4), black=0.97)
    which: Which = pick(rng, BLOCKS)
    rows, columns = pick(rng, ((1, 1), (2, 2), (1, 1), (3, 3), (1, 2), (2, 1)))
    step = f'color_block_of_object(grid, "{which}", {rows}, {columns})'
    if (rows, columns) == (2, 2):
        step = f'color_block_of_object(grid, "{which}")'
    if (rows, columns) == (1, 1):
        step = f'color_of_object(grid, "{which}")'
    makers = (
        (frame(3, 6), box(2, 4))
        if which == "most_holes" or chance(rng, 0.3)
        else (blob(2, 4), box(2, 5))
    )

    def is_good(grid: Array) -> bool:
        found = things(grid)
        values = [
            {"smallest": -t.size, "largest_box": t.width * t.height, "most_holes": t.holes}.get(
                which, t.size
            )
            for t in found
        ]
        return len(found) > 1 and values.count(max(values)) == 1

    inputs = until(scenes(rng, style, makers, 2, 4), is_good)
    return draft("object, color", step, inputs, more_natural(which, only_first=True))


def _largest_colors(rng: RNG) -> Draft:
    style = object_style(rng, 8, 13, (3, 5), black=1.0)
    size = between(rng, 3, 5)
    rows = pick(rng, (1, 1, 3, 0, 0))
    step = f"largest_colors_as_row(grid{'' if rows == 1 else f', {rows}'})"

    def draw(rng: RNG) -> Array:
        grid = blank(rng, style)
        taken = np.zeros(grid.shape, dtype=bool)
        full = between(rng, 1, 3)
        for k, color in enumerate(rng.permutation(style.colors).tolist()):
            figure = blob(2, 3)(rng, [color])
            cells = np.argwhere(figure >= 0)
            want = size if k < full else size - 1
            for at in cells[want:].tolist():
                figure[tuple(at)] = -1
            place(rng, grid, taken, figure)
        return grid

    def is_good(grid: Array) -> bool:
        found = things(grid)
        most = max(t.size for t in found)
        lefts = [t.left for t in found if t.size == most]
        return len(set(lefts)) == len(lefts)

    return draft("object, size, colors", step, until(draw, is_good))


def _frequent(rng: RNG) -> Draft:
    style = object_style(rng, 6, 13, (2, 4), black=1.0)
    makers = (blob(1, 3), dot()) if chance(rng, 0.5) else (dot(),)
    kind = rng.random()
    if kind < 0.6:
        rows, columns = pick(rng, ((1, 1), (1, 1), (2, 2), (3, 3)))
        step = "most_frequent_object_color(grid)"
        if rows > 1:
            step = f"most_frequent_object_color(grid, {rows}, {columns})"
    else:
        step = pick(rng, ["histogram_of_objects(grid)", 'histogram_of_objects(grid, "column")'])

    def is_good(grid: Array) -> bool:
        colors = [t.color for t in things(grid)]
        counts = [colors.count(c) for c in set(colors)]
        if kind < 0.6:
            return len(counts) > 1 and counts.count(max(counts)) == 1
        return len(set(counts)) == len(counts) > 1

    return draft("count objects, color", step, until(scenes(rng, style, makers, 3, 8), is_good))


def _neighborhoods(rng: RNG) -> Draft:
    style = object_style(rng, 8, 13, (3, 6), black=1.0)
    center, *rest = style.colors
    step = f"overlay_neighborhoods(grid, {name_of(center)})"

    def draw(rng: RNG) -> Array:
        grid = blank(rng, style)
        taken = np.zeros(grid.shape, dtype=bool)
        owner = rng.integers(between(rng, 2, 3), size=(3, 3))
        colors = rng.permutation(rest).tolist()
        for k in range(int(owner.max()) + 1):
            figure = np.where(owner == k, colors[k % len(colors)], -1)
            figure[1, 1] = center
            place(rng, grid, taken, figure)
        return grid

    return draft("overlay, center", step, draw)


FAMILIES = [
    Family(name="count as a bar", draw=_count, weight=2.0, second=False),
    Family(name="count colors", draw=_color_count, weight=0.3, second=False),
    Family(name="color block of an object", draw=_block, weight=0.8, second=False),
    Family(name="colors of the largest", draw=_largest_colors, weight=0.4, second=False),
    Family(name="most frequent object color", draw=_frequent, weight=0.7, second=False),
    Family(name="overlay neighborhoods", draw=_neighborhoods, weight=0.3, second=False),
]
