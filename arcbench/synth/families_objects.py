"""Families in which all objects are changed: by size, rank, holes, marks, keys, in their boxes."""

from collections.abc import Sequence

import numpy as np

from arcbench.dsl.concepts._components import things
from arcbench.dsl.concepts._types import Array
from arcbench.synth.drafts import draft, other_step
from arcbench.synth.families_choosing import PLAIN
from arcbench.synth.family import RNG, Draft, Family
from arcbench.synth.inputs import between, blank, chance, paint_noise, pick
from arcbench.synth.inputs_objects import (
    Maker,
    blob,
    box,
    dot,
    frame,
    holed,
    line,
    many_colored,
    name_of,
    new_color,
    new_colors,
    object_style,
    paint_figures,
    place,
    scenes,
    until,
)


def _crop_by_color(rng: RNG) -> Draft:
    style = object_style(rng, 6, 14, (2, 4), black=0.9)
    step = pick(rng, ["crop_least_common(grid)", "crop_most_common(grid)"])
    inputs = scenes(rng, style, PLAIN, 2, 5)

    def draw(rng: RNG) -> Array:
        grid = inputs(rng)
        if density:
            paint_noise(rng, grid, style.colors[:1], density)
        return grid

    density = 0.15 if chance(rng, 0.2) else 0.0
    return draft("color, crop", step, draw)


def _rank(rng: RNG) -> Draft:
    style = object_style(rng, 8, 15, (1, 1), black=1.0)
    old = style.colors[0]
    count = between(rng, 2, 4)
    names = [name_of(c) for c in new_colors(rng, count, style.colors)]
    bars = chance(rng, 0.35)
    region = count < 4 and chance(rng, 0.3)
    if region:
        step = f"recolor_regions_by_rank(grid, {name_of(old)}, {', '.join(names)})"
    else:
        step = f"recolor_by_size_rank(grid, {', '.join(names)})"
    sides = [line(1, 5)] if chance(rng, 0.3) else [blob(1, 3), box(1, 3), blob(2, 4)]
    inner = scenes(rng, style, sides, count, count + 3)

    def draw(rng: RNG) -> Array:
        if not bars:
            return inner(rng)
        height = between(rng, count + 2, 12)
        grid = np.zeros((height, 2 * count + 1), dtype=np.int64)
        for k, size in enumerate((rng.permutation(height - 1)[:count] + 1).tolist()):
            grid[height - size :, 2 * k + 1] = old
        return grid

    def is_good(grid: Array) -> bool:
        return len({t.size for t in things(grid, "same_color")}) == count

    return draft("object, size, rank, recolor", step, until(draw, is_good))


def _exact_size(rng: RNG) -> Draft:
    style = object_style(rng, 7, 15, (1, 2), black=0.95)
    size = pick(rng, (1, 2, 3, 3, 4, 4, 5, 6))
    color, other = new_colors(rng, 2, style.colors)
    makers = [blob(1, 3), blob(2, 3), line(size, size), box(1, 3)]
    step = pick(
        rng,
        [
            f"recolor_by_size(grid, {size}, {name_of(color)})",
            f"recolor_by_size(grid, {size}, {name_of(color)}, {name_of(other)})",
            f"recolor_by_size(grid, {size}, {name_of(color)}, {name_of(other)})",
            f"keep_objects_of_size(grid, {size})",
            f"remove_small_objects(grid, {size})",
            f"remove_small_objects(grid, {size})",
            f'remove_small_objects(grid, {size}, "same_color_4")',
        ],
    )

    def is_good(grid: Array) -> bool:
        sizes = {t.size for t in things(grid, "same_color")}
        return size in sizes and len(sizes) > 1

    inputs = scenes(rng, style, makers, 3, 7)
    if "remove" in step:
        makers = [blob(3, 5), box(2, 5), dot(), dot(), line(1, max(2, size))]
        inputs = scenes(rng, style, makers, 4, 9)
        return draft("object, size, remove", step, until(inputs, is_good))
    return draft("object, size", step, until(inputs, is_good))


def _holes(rng: RNG) -> Draft:
    style = object_style(rng, 9, 17, (1, 1), black=1.0)
    count = between(rng, 2, 4)
    names = ", ".join(name_of(c) for c in new_colors(rng, count, style.colors))
    inputs = scenes(rng, style, (holed(count),), 3, 6)
    return draft("object, holes, recolor", f"recolor_by_hole_count(grid, {names})", inputs)


def _noise(rng: RNG) -> Draft:
    """Noise that is to be cleaned away, in the ground and in solid objects."""
    style = object_style(rng, 9, 16, (1, 3), black=0.9)
    noise = style.colors[0] if chance(rng, 0.4) else new_color(rng, style.colors)
    density = float(rng.uniform(0.03, 0.12))
    inner = scenes(rng, style, (box(3, 7), box(4, 6)), 1, 4)
    step = pick(rng, ["denoise(grid)", "remove_thin_parts(grid)", "remove_thin_parts(grid)"])

    def draw(rng: RNG) -> Array:
        grid = inner(rng)
        where = rng.random(grid.shape) < density
        if step != "denoise(grid)":
            where &= grid == style.background
        grid[where] = noise
        return grid

    return draft("noise", step, draw)


def _marks(rng: RNG) -> Draft:
    style = object_style(rng, 8, 15, (2, 4), black=1.0)
    main = style.colors[0]
    others = style.colors[1:]
    remove = chance(rng, 0.4)
    step = "recolor_to_mark(grid, True)" if remove else "recolor_to_mark(grid)"

    def make(rng: RNG, colors: Sequence[int]) -> Array:
        figure = (blob(3, 4) if chance(rng, 0.6) else box(2, 4))(rng, [main])
        cells = np.argwhere(figure >= 0)
        at = cells[int(rng.integers(len(cells)))]
        figure[tuple(at)] = pick(rng, others)
        return figure

    return draft("object, mark, recolor", step, scenes(rng, style, (make,), 2, 4))


def _nearest(rng: RNG) -> Draft:
    style = object_style(rng, 9, 16, (3, 4), black=0.95)
    main = style.colors[0]
    keys = style.colors[1:]
    remove = chance(rng, 0.5)
    step = f"recolor_by_nearest(grid, {name_of(main)}{', True' if remove else ''})"

    def draw(rng: RNG) -> Array:
        grid = blank(rng, style)
        taken = paint_figures(rng, grid, (blob(2, 4), box(2, 4)), [main], between(rng, 1, 4))
        taken = taken | (grid == main)
        for _ in range(between(rng, 2, 4)):
            place(rng, grid, taken, np.full((1, 1), pick(rng, keys)))
        return grid

    return draft("object, nearest, recolor", step, draw)


def _keys(rng: RNG) -> Draft:
    style = object_style(rng, 6, 13, (3, 4), black=1.0)
    main, *keys = style.colors
    by_row = chance(rng, 0.5)
    name = "recolor_by_row_key" if by_row else "recolor_by_column_key"
    low = chance(rng, 0.3)

    def draw(rng: RNG) -> Array:
        grid = blank(rng, style)
        height, width = grid.shape
        column = 1
        if by_row:
            paint_figures(rng, grid[:, 2:], (box(1, 4), blob(2, 4)), [main], between(rng, 1, 4))
            grid[:, 0] = np.asarray(keys)[rng.integers(len(keys), size=height)]
            return grid[:, ::-1].copy() if low else grid
        while column < width - 1:
            wide = between(rng, 1, 3)
            top = between(rng, 2, max(2, height - 2))
            grid[top : top + between(rng, 1, 4), column : column + wide] = main
            grid[0, min(width - 1, column + between(rng, 0, wide - 1))] = pick(rng, keys)
            column += wide + between(rng, 1, 3)
        return grid[::-1].copy() if low else grid

    return draft("key, recolor", f"{name}(grid, {name_of(main)})", draw)


def _mirror(rng: RNG) -> Draft:
    style = object_style(rng, 7, 14, (1, 4), black=0.95)
    figures = (many_colored(2, 4),) if len(style.colors) > 1 else (blob(2, 4), blob(3, 4))
    step = pick(
        rng,
        ["mirror_objects(grid)", 'mirror_objects(grid, "vertical")', "turn_objects(grid)"],
    )
    return draft("object, mirror", step, scenes(rng, style, figures, 1, 4))


def _boxes(rng: RNG) -> Draft:
    style = object_style(rng, 7, 14, (1, 3), black=0.95)
    color = new_color(rng, style.colors)
    step = pick(rng, ["fill_boxes(grid)", f"fill_boxes(grid, {name_of(color)})",
                      f"fill_boxes(grid, {name_of(color)})", "fill_color_boxes(grid)"])  # fmt: skip
    figures: tuple[Maker, ...] = (blob(2, 5), blob(3, 4), blob(3, 5))
    if step == "fill_color_boxes(grid)":
        inner = scenes(rng, style, (dot(),), 1, 1)

        def draw(rng: RNG) -> Array:
            grid = inner(rng)
            for color in style.colors:
                height, width = between(rng, 2, len(grid) // 2), between(rng, 2, len(grid.T) // 2)
                row = between(rng, 0, len(grid) - height)
                column = between(rng, 0, len(grid.T) - width)
                corners = [(0, 0), (height - 1, width - 1), (0, width - 1), (height - 1, 0)]
                for r, c in corners[:2] if chance(rng, 0.6) else corners[2:]:
                    grid[row + r, column + c] = color
            return grid

        return draft("box, fill", step, draw)
    others = [f"fill_boxes(grid, {name_of(c)})" for c in style.colors]
    inputs = scenes(rng, style, figures, 1, 4)
    return draft("object, box, fill", step, inputs, other_step(step, others))


def _halves(rng: RNG) -> Draft:
    style = object_style(rng, 7, 14, (1, 2), black=1.0)
    color = new_color(rng, style.colors)
    half = pick(rng, ("top", "bottom", "left", "right"))
    makers: tuple[Maker, ...] = (box(2, 5), frame(3, 6)) if chance(rng, 0.6) else (line(2, 7),)
    step = f'recolor_half_of_objects(grid, "{half}", {name_of(color)})'
    return draft("object, half, recolor", step, scenes(rng, style, makers, 1, 4))


def _extremes(rng: RNG) -> Draft:
    style = object_style(rng, 8, 14, (1, 1), black=1.0)
    one, two = new_colors(rng, 2, style.colors)
    step = f"recolor_largest_and_smallest(grid, {name_of(one)}, {name_of(two)})"
    bars = chance(rng, 0.4)
    inner = scenes(rng, style, PLAIN, 3, 5)

    def draw(rng: RNG) -> Array:
        if not bars:
            return inner(rng)
        grid = blank(rng, style)
        height, width = grid.shape
        sizes = (rng.permutation(height - 1) + 1).tolist()
        for column, size in zip(range(between(rng, 0, 1), width, 2), sizes, strict=False):
            grid[height - size :, column] = style.colors[0]
        return grid

    def is_good(grid: Array) -> bool:
        sizes = [t.size for t in things(grid)]
        return len(sizes) > 2 and sizes.count(max(sizes)) == sizes.count(min(sizes)) == 1

    return draft("object, size, recolor", step, until(draw, is_good))


def _to_dot(rng: RNG) -> Draft:
    style = object_style(rng, 7, 14, (3, 5), black=1.0)

    def draw(rng: RNG) -> Array:
        grid = blank(rng, style)
        figure = pick(rng, (blob(2, 5), blob(3, 5), frame(3, 5)))
        taken = paint_figures(rng, grid, (figure,), [style.color(rng)], between(rng, 1, 2))
        place(rng, grid, taken, np.full((1, 1), style.color(rng)))
        return grid

    return draft("object, dot, recolor", "recolor_to_dot(grid)", draw)


FAMILIES = [
    Family(name="crop by color rank", draw=_crop_by_color, weight=0.8, tied=True),
    Family(name="recolor by size rank", draw=_rank, weight=1.5, second=False),
    Family(name="objects of a size", draw=_exact_size, weight=1.2, second=False),
    Family(name="recolor by holes", draw=_holes, weight=0.7, second=False),
    Family(name="remove noise", draw=_noise, weight=1.2, tied=True),
    Family(name="recolor to mark", draw=_marks, weight=0.8),
    Family(name="recolor by nearest", draw=_nearest, weight=0.8, second=False),
    Family(name="recolor by key", draw=_keys, weight=0.8, second=False),
    Family(name="mirror objects", draw=_mirror, weight=0.8),
    Family(name="fill boxes", draw=_boxes, weight=1.2, tied=True),
    Family(name="recolor half of objects", draw=_halves, weight=0.6, second=False),
    Family(name="recolor largest and smallest", draw=_extremes, weight=0.6, second=False),
    Family(name="recolor to a dot", draw=_to_dot, weight=0.5),
]
