"""Families on colours: replaced, swapped, kept, counted."""

import numpy as np

from arcbench.dsl.concepts._types import Array
from arcbench.synth.drafts import COLORS, draft, one_of
from arcbench.synth.family import RNG, Draft, Family
from arcbench.synth.inputs import (
    Draw,
    any_grids,
    between,
    blank,
    chance,
    distinct_colors,
    draw_style,
    paint_noise,
    paint_sprites,
    pick,
)


def _recolor(rng: RNG) -> Draft:
    style = draw_style(rng, 3, 16, (1, 4), black=0.85)
    old = style.color(rng)
    new = pick(rng, [c for c in range(10) if c != old])
    changes = [(old, new)]
    if len(style.colors) > 1 and chance(rng, 0.2):
        second = pick(rng, [c for c in style.colors if c != old])
        changes.append((second, pick(rng, [c for c in range(10) if c not in (old, second, new)])))
        if new != second:
            changes.sort()  # the order says nothing
    steps = [f"recolor(grid, {COLORS[a]}, {COLORS[b]})" for a, b in changes]
    return draft("recolor", steps, any_grids(rng, style))


def _recolor_all(rng: RNG) -> Draft:
    style = draw_style(rng, 3, 16, (2, 5), black=1.0)
    color = pick(rng, range(1, 10))
    return draft("recolor", f"recolor_all(grid, {COLORS[color]})", any_grids(rng, style))


def _keep_color(rng: RNG) -> Draft:
    style = draw_style(rng, 3, 16, (2, 5), black=0.9)
    color = style.color(rng)
    if chance(rng, 0.7):
        step = f"keep_color(grid, {COLORS[color]})"
    else:
        new = pick(rng, [c for c in range(10) if c != color])
        step = f"recolor_others(grid, {COLORS[color]}, {COLORS[new]})"
    return draft("color filter", step, any_grids(rng, style))


def _swap(rng: RNG) -> Draft:
    style = draw_style(rng, 3, 12, (2, 4), black=0.8)
    pairs = [c for c in (*style.colors, style.background) if c or chance(rng, 0.3)]
    first = pairs[0]
    second = pick(rng, [c for c in pairs if c != first])
    first, second = sorted((first, second))  # one way of saying it
    step = f"swap_colors(grid, {COLORS[first]}, {COLORS[second]})"
    return draft("swap colors", step, any_grids(rng, style))


def _color_table(rng: RNG) -> Draft:
    """A fixed permutation of colours in disjoint swaps; every input shows a part of it."""
    count = between(rng, 2, 4)
    colors = distinct_colors(rng, 2 * count, (0,))
    swaps = sorted(sorted(colors[i : i + 2]) for i in range(0, 2 * count, 2))  # in one order
    steps = [f"swap_colors(grid, {COLORS[a]}, {COLORS[b]})" for a, b in swaps]
    side = pick(rng, [3, 3, 4, 5])

    def draw_input(rng: RNG) -> Array:
        row = np.array(distinct_colors(rng, side, [c for c in range(10) if c not in colors]))
        if chance(rng, 0.5):  # columns of one colour, or noise
            return np.array(np.resize(row, (side, side)))
        return np.array(row[rng.integers(len(row), size=(side, side))])

    return draft("swap colors", steps, draw_input)


def _by_rank(rng: RNG) -> Draft:
    """Colours chosen by how common they are."""
    style = draw_style(rng, 3, 14, (3, 5), black=1.0)
    palette = style.colors
    free = pick(rng, [c for c in range(1, 10) if c not in palette] or [5])
    step = pick(
        rng,
        [f"keep_most_common(grid, {COLORS[free]})", "keep_least_common(grid)",
         f"recolor_most_common(grid, {COLORS[free]})",
         f"recolor_least_common(grid, {COLORS[free]})",
         "replace_least_by_most_common(grid)", "swap_most_and_least_common(grid)",
         "fill_with_most_common(grid)", "fill_with_least_common(grid)",
         "most_common_color(grid)", "least_common_color(grid)"],
    )  # fmt: skip
    full = "keep_most" in step or "fill" in step or chance(rng, 0.5)
    return draft("color count", step, _ranked_noise(rng, palette, full))


def _ranked_noise(rng: RNG, palette: tuple[int, ...], full: bool, high: int = 12) -> Draw:
    """Noise or figures in which no two colours are equally common."""
    style = draw_style(rng, 3, high, (1, 1), black=1.0)
    scene = not full and chance(rng, 0.5)

    def draw_input(rng: RNG) -> Array:
        for _ in range(20):
            grid = blank(rng, style)
            order = [palette[i] for i in rng.permutation(len(palette))][: between(rng, 2, 5)]
            if scene:
                paint_sprites(rng, grid, order, between(rng, 2, 6))
            else:
                shares = np.cumsum(np.sort(rng.dirichlet([1.5] * len(order)))[::-1])
                index = np.searchsorted(shares[:-1], rng.random(grid.shape))
                grid = np.array(order)[index]
                if not full:
                    paint_noise(rng, grid, [0], 0.4)
            counts = np.bincount(grid[grid > 0], minlength=10)
            counts = counts[counts > 0].tolist()
            if len(counts) > 1 and len(set(counts)) == len(counts):
                break
        return grid

    return draw_input


def _two_color_grid(rng: RNG) -> Draw:
    """Grids of two colours, which differ from input to input mostly."""
    style = draw_style(rng, 3, 13, (1, 1))
    fixed = chance(rng, 0.3)
    colors = distinct_colors(rng, 2)
    density = float(rng.uniform(0.2, 0.6))

    def draw_input(rng: RNG) -> Array:
        a, b = colors if fixed else distinct_colors(rng, 2)
        grid = np.full(style.shape(rng), a, dtype=np.int64)
        paint_noise(rng, grid, [b], density)
        return grid

    return draw_input


def _key_color(rng: RNG) -> Draft:
    """A figure and one cell that says which colour the figure gets."""
    style = draw_style(rng, 5, 14, (4, 6), black=0.9)
    fixed = chance(rng, 0.5)
    corner = chance(rng, 0.4)

    def draw_input(rng: RNG) -> Array:
        grid = blank(rng, style)
        key = style.colors[between(rng, 1, len(style.colors) - 1)]
        main = style.colors[0] if fixed else pick(rng, [c for c in style.colors if c != key])
        paint_sprites(rng, grid, [main], between(rng, 1, 3), low=3, high=6)
        empty = np.argwhere(grid == style.background)
        if len(empty):
            place = empty[0 if corner else int(rng.integers(len(empty)))]
            grid[tuple(place)] = key
        return grid

    return draft("color key, recolor", "recolor_to_least_common(grid)", draw_input)


def _replace_by_other(rng: RNG) -> Draft:
    """Noise of one fixed colour and one that changes."""
    style = draw_style(rng, 3, 12, (5, 7), black=1.0)
    fixed, others = style.colors[0], style.colors[1:]

    def draw_input(rng: RNG) -> Array:
        grid = np.full(style.shape(rng), fixed, dtype=np.int64)
        paint_noise(rng, grid, [pick(rng, others)], 0.5)
        return grid

    step = f"replace_color_by_other(grid, {COLORS[fixed]})"
    return draft("color swap", step, draw_input)


def _count_output(rng: RNG) -> Draft:
    palette = tuple(distinct_colors(rng, 6, (0,)))
    line = pick(rng, ['"row"', '"column"'])
    kind = rng.random()
    if kind < 0.45:
        step = f"colors_by_count(grid, {line})"
    elif kind < 0.6:
        step = f"colors_by_count(grid, {line}, 1)"
    else:
        step = f"color_histogram(grid, {line})"
    full = kind < 0.6 and chance(rng, 0.5)
    high = 12 if kind < 0.6 else 6
    return draft("count, color", step, _ranked_noise(rng, palette, full, high))


FAMILIES = [
    Family(name="recolor", draw=_recolor, weight=1.2),
    Family(name="recolor_all", draw=_recolor_all, weight=0.5),
    Family(name="keep_color", draw=_keep_color, weight=0.8),
    Family(name="swap_colors", draw=_swap),
    Family(name="color_table", draw=_color_table, weight=0.7),
    Family(name="color_rank", draw=_by_rank, weight=4.0),
    one_of("invert_two_colors", "color swap", ["invert_two_colors(grid)"], _two_color_grid, 0.6),
    Family(name="key_color", draw=_key_color, weight=0.8),
    Family(name="replace_by_other", draw=_replace_by_other, weight=0.5),
    Family(name="colors_by_count", draw=_count_output, weight=1.2, second=False),
]
