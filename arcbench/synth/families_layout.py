"""Families of frames and marked objects cropped; objects overlaid, lined up and listed."""

import numpy as np

from arcbench.dsl.concepts._components import things
from arcbench.dsl.concepts._types import Array
from arcbench.synth.drafts import draft
from arcbench.synth.family import RNG, Draft, Family
from arcbench.synth.inputs import (
    between,
    blank,
    chance,
    paint_noise,
    pick,
)
from arcbench.synth.inputs_objects import (
    blob,
    box,
    dot,
    line,
    many_colored,
    name_of,
    object_style,
    place,
    scenes,
    until,
)


def _crop_frame(rng: RNG) -> Draft:
    style = object_style(rng, 9, 17, (2, 5), black=1.0)
    rim, *rest = style.colors
    inside = chance(rng, 0.6)
    density = float(rng.uniform(0.1, 0.7))

    def draw(rng: RNG) -> Array:
        grid = blank(rng, style)
        paint_noise(rng, grid, rest, density)
        height, width = grid.shape
        h, w = between(rng, 4, height // 2 + 2), between(rng, 4, width // 2 + 2)
        row, column = between(rng, 0, height - h), between(rng, 0, width - w)
        part = grid[row : row + h, column : column + w]
        part[[0, -1]] = rim
        part[:, [0, -1]] = rim
        return grid

    step = "crop_frame_inside(grid)" if inside else "crop_frame(grid)"
    return draft("frame, crop", step, draw)


def _overlay(rng: RNG) -> Draft:
    style = object_style(rng, 8, 14, (2, 4), black=0.6)
    by_color = chance(rng, 0.5)
    side = pick(rng, (3, 3, 4, 5))
    step = "overlay_objects(grid, True)" if by_color else "overlay_objects(grid)"

    def draw(rng: RNG) -> Array:
        grid = blank(rng, style)
        taken = np.zeros(grid.shape, dtype=bool)
        free = np.ones((side, side), dtype=bool)
        colors = rng.permutation(style.colors).tolist()
        for color in colors if by_color else colors * 2:
            figure = blob(side, side)(rng, [color])
            if by_color:
                # Parts of one pattern: no two colours want the same place.
                figure = np.where(free & (rng.random(figure.shape) < 0.5), color, -1)
            free &= figure < 0
            if (figure >= 0).any():
                place(rng, grid, taken, figure)
        return grid

    return draft("objects, overlay", step, draw)


def _line_up(rng: RNG) -> Draft:
    style = object_style(rng, 7, 14, (2, 4), black=0.97)
    by = pick(rng, ("left", "size")) if chance(rng, 0.5) else "top"
    where = "column" if by == "top" else "row"
    same = chance(rng, 0.6)
    size = between(rng, 2, 3)
    makers = (many_colored(size, size),) if same else (blob(2, 3),)
    inputs = scenes(rng, style, makers, 2, 4)
    step = "objects_in_a_line(grid)" if by == "left" else (
        f'objects_in_a_line(grid, "{by}", "{where}")'
    )  # fmt: skip
    return draft("objects in a line", step, inputs)


def _object_colors(rng: RNG) -> Draft:
    style = object_style(rng, 7, 14, (3, 5), black=0.95)
    by = pick(rng, ("size", "left", "top", "count"))
    where = "row" if by == "left" else pick(rng, ("column", "column", "row"))
    step = f'object_color_list(grid, "{by}", "{where}")'
    makers = (line(1, 5), dot()) if chance(rng, 0.2) else (blob(2, 4), box(1, 4))

    def draw(rng: RNG) -> Array:
        grid = blank(rng, style)
        taken = np.zeros(grid.shape, dtype=bool)
        for color in rng.permutation(style.colors).tolist()[: between(rng, 2, 5)]:
            if by == "count":
                for _ in range(between(rng, 1, 5)):
                    place(rng, grid, taken, np.full((2, 2) if small else (1, 1), color))
            else:
                place(rng, grid, taken, pick(rng, makers)(rng, [color]))
        return grid

    small = chance(rng, 0.5)

    def is_good(grid: Array) -> bool:
        found = things(grid, "same_color")
        if by == "count":
            colors = [t.color for t in found]
            counts = [colors.count(c) for c in set(colors)]
            return len(set(counts)) == len(counts) > 1
        values = [t.size if by == "size" else t.left if by == "left" else t.top for t in found]
        return len(set(values)) == len(values) > 1

    return draft("object, order, color", step, until(draw, is_good))


def _touching(rng: RNG) -> Draft:
    style = object_style(rng, 8, 15, (2, 4), black=1.0)
    mark, *colors = style.colors

    def draw(rng: RNG) -> Array:
        grid = blank(rng, style)
        taken = np.zeros(grid.shape, dtype=bool)
        for k in range(between(rng, 2, 4)):
            figure = blob(2, 4)(rng, colors)
            if k == 0:
                figure = figure[(figure >= 0).any(1)]
                column = int(rng.choice(np.flatnonzero(figure[0] >= 0)))
                figure = np.vstack((np.full((1, figure.shape[1]), -1), figure))
                figure[0, column] = mark
                figure = np.rot90(figure, turn)
            place(rng, grid, taken, figure)
        return grid

    turn = between(rng, 0, 3)
    return draft("object, mark, crop", f"crop_object_touching(grid, {name_of(mark)})", draw)


def _between_corners(rng: RNG) -> Draft:
    style = object_style(rng, 7, 14, (2, 4), black=1.0)
    corner, *colors = style.colors
    step = "crop_between_corners(grid, True)" if chance(rng, 0.5) else "crop_between_corners(grid)"
    noise = chance(rng, 0.3)

    def draw(rng: RNG) -> Array:
        grid = blank(rng, style)
        height, width = grid.shape
        h, w = between(rng, 4, min(height, 9)), between(rng, 4, min(width, 9))
        row, column = between(rng, 0, height - h), between(rng, 0, width - w)
        if noise:
            paint_noise(rng, grid, colors, 0.2)
        part = grid[row : row + h, column : column + w]
        figure = blob(min(h, w) - 2, min(h, w) - 2)(rng, colors)
        view = part[1 : 1 + len(figure), 1 : 1 + figure.shape[1]]
        view[figure >= 0] = figure[figure >= 0]
        part[:: h - 1, :: w - 1] = corner
        return grid

    return draft("corner dots, crop", step, draw)


FAMILIES = [
    Family(name="objects in a line", draw=_line_up, weight=0.6),
    Family(name="colors of objects", draw=_object_colors, weight=1.2, tied=True),
    Family(name="crop frame", draw=_crop_frame, weight=0.7),
    Family(name="overlay objects", draw=_overlay, weight=0.5, tied=True),
    Family(name="crop the marked object", draw=_touching, weight=0.6),
    Family(name="crop between corners", draw=_between_corners, weight=0.6),
]
