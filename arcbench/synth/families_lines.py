"""Families on rows, columns, diagonals, borders, and on cells that fall."""

import numpy as np

from arcbench.dsl.concepts._types import Array
from arcbench.synth.drafts import COLORS, CORNERS, DIRECTIONS, draft, one_of, other_step
from arcbench.synth.family import RNG, Draft, Family
from arcbench.synth.inputs import (
    Draw,
    any_grids,
    between,
    blank,
    chance,
    distinct_colors,
    dot_grids,
    draw_style,
    noise_grids,
    paint_noise,
    paint_rectangles,
    paint_sprites,
    pick,
)


def _sparse(low: int = 4, high: int = 15, colors: tuple[int, int] = (1, 3), dots: int = 6):  # type: ignore[no-untyped-def]
    def draw(rng: RNG) -> Draw:
        style = draw_style(rng, low, high, colors, black=0.9)
        return dot_grids(rng, style, 1, between(rng, 1, dots))

    return draw


def _new_color(rng: RNG, used: tuple[int, ...]) -> int:
    return pick(rng, [c for c in range(1, 10) if c not in used])


def _gravity(rng: RNG) -> Draft:
    style = draw_style(rng, 3, 12, (1, 4), black=0.95)
    density = float(rng.uniform(0.1, 0.5))
    return draft(
        "gravity", f"gravity(grid, {pick(rng, DIRECTIONS)})", noise_grids(rng, style, density)
    )


def _shoot(rng: RNG) -> Draft:
    style = draw_style(rng, 3, 15, (1, 4), black=0.9)
    return draft("rays", f"shoot(grid, {pick(rng, DIRECTIONS)})", _at_edge(rng, style, 0.4))


def _at_edge(rng: RNG, style, edge: float) -> Draw:  # type: ignore[no-untyped-def]
    """Single cells, in some tasks only along one edge."""
    side = between(rng, 0, 3) if chance(rng, edge) else -1
    inner = dot_grids(rng, style, 1, between(rng, 2, 6))

    def draw_input(rng: RNG) -> Array:
        if side < 0:
            return inner(rng)
        grid = blank(rng, style)
        line = (grid[0], grid[-1], grid[:, 0], grid[:, -1])[side]
        paint_noise(rng, line[None], style.colors, float(rng.uniform(0.2, 0.6)))
        return grid

    return draw_input


def _shoot_diagonal(rng: RNG) -> Draft:
    style = draw_style(rng, 4, 15, (1, 3), black=0.9)
    step = (
        "extend_diagonals(grid)"
        if chance(rng, 0.45)
        else f"shoot_diagonal(grid, {pick(rng, CORNERS)})"
    )
    return draft("diagonal rays", step, dot_grids(rng, style, 1, between(rng, 1, 4)))


def _extend(rng: RNG) -> Draft:
    style = draw_style(rng, 4, 16, (1, 4), black=0.9)
    step = pick(
        rng,
        ["extend_rows(grid)", "extend_columns(grid)", "draw_cross(grid)",
         f"draw_cross(grid, {COLORS[pick(rng, range(1, 10))]})"],
    )  # fmt: skip
    return draft("lines", step, _at_edge(rng, style, 0.3))


def _extend_color(rng: RNG) -> Draft:
    """Colours of which each has its own axis, one step a colour."""
    style = draw_style(rng, 4, 14, (2, 3), black=0.9)
    axes = ['"horizontal"', '"vertical"']
    steps = [f"extend_color(grid, {COLORS[style.colors[0]]}, {pick(rng, axes)})"]
    if chance(rng, 0.6):
        steps.append(f"extend_color(grid, {COLORS[style.colors[1]]}, {pick(rng, axes)})")
    return draft("lines, color", steps, dot_grids(rng, style, 2, 5))


def _connect(rng: RNG) -> Draft:
    style = draw_style(rng, 6, 16, (1, 3), black=0.95)
    new = chance(rng, 0.4)
    end = f", {COLORS[_new_color(rng, style.colors)]}" if new else ""
    name = pick(rng, ["connect", "connect_rows", "connect_columns"])

    def draw_input(rng: RNG) -> Array:
        grid = blank(rng, style)
        height, width = grid.shape
        for _ in range(between(rng, 1, 4)):
            color = style.color(rng)
            if chance(rng, 0.5):
                row = between(rng, 0, height - 1)
                a, b = sorted(rng.permutation(width)[:2].tolist())
                grid[row, [a, b]] = color
            else:
                column = between(rng, 0, width - 1)
                a, b = sorted(rng.permutation(height)[:2].tolist())
                grid[[a, b], column] = color
        paint_noise(rng, grid, style.colors, 0.02)
        return grid

    return draft("connect", f"{name}(grid{end})", draw_input)


def _empty_lines(rng: RNG) -> Draft:
    style = draw_style(rng, 6, 16, (1, 2), black=1.0)
    new = _new_color(rng, style.colors)
    kind = rng.random()
    density = float(rng.uniform(0.3, 0.9))
    if kind < 0.4:
        step = f"fill_empty_lines(grid, {COLORS[new]})"
    elif kind < 0.7:
        step = "remove_background_lines(grid)"
    else:
        axis = pick(rng, ['"vertical"', '"horizontal"'])
        step = f"fill_lines_with_cells(grid, {COLORS[new]}, {axis})"
        density = float(rng.uniform(0.03, 0.15))

    def draw_input(rng: RNG) -> Array:
        grid = blank(rng, style)
        paint_noise(rng, grid, style.colors, density)
        if kind < 0.7:
            grid[rng.random(len(grid)) < 0.2] = style.background
            grid[:, rng.random(grid.shape[1]) < 0.2] = style.background
        return grid

    return draft("empty lines", step, draw_input)


def _uniform_lines(rng: RNG) -> Draft:
    style = draw_style(rng, 3, 9, (2, 4), black=0.5)
    line = pick(rng, ['"row"', '"column"'])
    color = _new_color(rng, style.colors) if chance(rng, 0.7) else 5
    mark = chance(rng, 0.6)

    def draw_input(rng: RNG) -> Array:
        grid = blank(rng, style)
        paint_noise(rng, grid, style.colors, 0.8)
        view = grid if line == '"row"' else grid.T
        for i in range(len(view)):
            if chance(rng, 0.4):
                view[i] = style.color(rng)
        return grid

    step = f"mark_uniform_lines(grid, {line}, {COLORS[color]})"
    if not mark:
        step = "remove_uniform_lines(grid)"
    return draft("uniform lines", step, draw_input)


def _alternate(rng: RNG) -> Draft:
    style = draw_style(rng, 3, 12, (1, 2), black=0.9)
    old = style.color(rng)
    new = _new_color(rng, style.colors)
    line = pick(rng, ['"row"', '"column"'])
    start = pick(rng, [0, 0, 1, -1, -2])
    step = f"recolor_alternate_lines(grid, {line}, {start}, {COLORS[old]}, {COLORS[new]})"
    density = pick(rng, [0.3, 0.6, 1.0])
    return draft("alternate lines, recolor", step, noise_grids(rng, style, density))


def _unique(rng: RNG) -> Draft:
    step = pick(
        rng, ["unique_rows(grid)", "unique_columns(grid)", "unique_lines(grid)",
              "unique_lines(grid)"]
    )  # fmt: skip
    style = draw_style(rng, 1, 6, (2, 5), black=0.5)
    stripes = chance(rng, 0.4)

    def draw_input(rng: RNG) -> Array:
        height, width = style.shape(rng)
        palette = np.array((*style.colors, style.background))
        if stripes:
            width = 1 if chance(rng, 0.5) else width
            order = np.tile(palette, 4)[: max(2, height)]
            grid = np.tile(rng.permutation(order)[:, None], (1, width))
            grid = grid if chance(rng, 0.5) else grid.T
        else:
            grid = palette[rng.integers(len(palette), size=(height, width))]
        if step != "unique_columns(grid)":
            grid = grid.repeat(rng.integers(1, 5, size=len(grid)), axis=0)
        if step != "unique_rows(grid)":
            grid = grid.repeat(rng.integers(1, 5, size=grid.shape[1]), axis=1)
        return np.array(grid)

    others = ["unique_rows(grid)", "unique_columns(grid)", "unique_lines(grid)"]
    return draft("unique lines", step, draw_input, other_step(step, others))


def _sort(rng: RNG) -> Draft:
    name = pick(rng, ["sort_rows", "sort_columns"])
    end = ", True" if chance(rng, 0.5) else ""
    style = draw_style(rng, 3, 10, (1, 4), black=1.0)
    bars = chance(rng, 0.6)
    pushed = chance(rng, 0.5)

    def draw_input(rng: RNG) -> Array:
        grid = blank(rng, style)
        view = grid if name == "sort_rows" else grid.T
        counts = rng.permutation(view.shape[1] + 1)[: len(view)]
        counts = np.resize(counts, len(view))
        for row, count in zip(view, counts.tolist(), strict=True):
            color = style.color(rng)
            if bars:
                start = view.shape[1] - count if pushed else 0
                row[start : start + count] = color
            else:
                row[rng.permutation(view.shape[1])[:count]] = color
        return grid

    return draft("sort", f"{name}(grid{end})", draw_input)


def _cells_in_order(rng: RNG) -> Draft:
    step = pick(rng, ["cells_as_row(grid)", "cells_as_row(grid)", "cells_as_column(grid)"])
    style = draw_style(rng, 3, 9, (1, 4), black=1.0)
    return draft("flatten", step, dot_grids(rng, style, 2, between(rng, 3, 7)))


def _border(rng: RNG) -> Draft:
    style = draw_style(rng, 3, 14, (1, 3))
    width = 1 if chance(rng, 0.8) else 2
    end = "" if width == 1 else f", {width}"
    step = f"draw_border(grid, {COLORS[_new_color(rng, ())]}{end})"
    if chance(rng, 0.4):  # an empty grid
        return draft("border", step, lambda rng: blank(rng, style))
    return draft("border", step, any_grids(rng, style))


def _grid_lines(rng: RNG) -> Draft:
    style = draw_style(rng, 5, 16, (1, 3))
    step, start = pick(rng, [(2, 0), (2, 1), (3, 2), (3, 0), (4, 3), (3, 1)])
    end = f", {step}" + (f", {start}" if start else "")
    expression = f"draw_grid_lines(grid, {COLORS[_new_color(rng, ())]}{end})"
    if chance(rng, 0.5):
        return draft("grid lines", expression, lambda rng: blank(rng, style))
    return draft("grid lines", expression, any_grids(rng, style))


def _spiral(rng: RNG) -> Draft:
    style = draw_style(rng, 5, 18, (1, 1), same_size=0.0, square=0.8)
    step = f"draw_spiral(grid, {COLORS[_new_color(rng, (style.background,))]})"
    return draft("spiral", step, lambda rng: blank(rng, style))


def _rings(rng: RNG) -> Draw:
    """Concentric rings, every ring of one colour."""
    style = draw_style(rng, 4, 14, (4, 6), black=0.5, square=0.8)

    def draw_input(rng: RNG) -> Array:
        grid = blank(rng, style)
        palette = (*style.colors, style.background)
        for k in range((min(grid.shape) + 1) // 2):
            inner = grid[k : len(grid) - k, k : grid.shape[1] - k]
            inner[:] = pick(rng, palette)
        return grid

    return draw_input


def _stripes(rng: RNG) -> Draw:
    """Stripes of one direction with noise."""
    style = draw_style(rng, 8, 16, (3, 6), black=0.6)
    noise_color = pick(rng, [0, 5, *style.colors])
    sideways = chance(rng, 0.5)
    density = float(rng.uniform(0.05, 0.2))

    def draw_input(rng: RNG) -> Array:
        grid = blank(rng, style)
        view = grid if sideways else grid.T
        palette = [c for c in (*style.colors, style.background) if c != noise_color]
        start = 0
        while start < len(view):
            size = between(rng, 1, 4)
            view[start : start + size] = pick(rng, palette)
            start += size
        paint_noise(rng, grid, [noise_color], density)
        return grid

    return draw_input


def _staircase(rng: RNG) -> Draft:
    color_count = between(rng, 4, 8)
    palette = distinct_colors(rng, color_count, (0,))

    def draw_input(rng: RNG) -> Array:
        length = 2 * between(rng, 3, 8)
        grid = np.zeros((1, length), dtype=np.int64)
        grid[0, : between(rng, 1, length // 2)] = pick(rng, palette)
        return grid

    return draft("staircase", "grow_staircase(grid)", draw_input)


def _checkerboard(rng: RNG) -> Draft:
    palette = distinct_colors(rng, 6)
    style = draw_style(rng, 3, 12)

    def draw_input(rng: RNG) -> Array:
        a, b = (palette[i] for i in rng.permutation(6)[:2])
        grid = np.zeros(style.shape(rng), dtype=np.int64)
        grid[:, : grid.shape[1] // 2] = a
        grid[:, grid.shape[1] // 2 :] = b
        return grid

    return draft("checkerboard", "checkerboard(grid)", draw_input)


def _boxes_fall(rng: RNG) -> Draft:
    style = draw_style(rng, 5, 13, (1, 4), black=0.95)

    def draw_input(rng: RNG) -> Array:
        grid = blank(rng, style)
        if chance(rng, 0.5):
            paint_sprites(rng, grid, style.colors, between(rng, 1, 4))
        else:
            paint_rectangles(rng, grid, style.colors, between(rng, 1, 4), 1, 4)
        return grid

    return draft("gravity", f"gravity(grid, {pick(rng, DIRECTIONS)})", draw_input)


FAMILIES = [
    Family(name="gravity", draw=_gravity),
    Family(name="gravity_boxes", draw=_boxes_fall, weight=0.4),
    Family(name="shoot", draw=_shoot),
    Family(name="shoot_diagonal", draw=_shoot_diagonal),
    Family(name="extend_lines", draw=_extend, weight=1.2),
    Family(name="extend_color", draw=_extend_color, weight=0.8),
    Family(name="connect", draw=_connect, weight=1.6),
    Family(name="empty_lines", draw=_empty_lines, weight=1.0),
    Family(name="uniform_lines", draw=_uniform_lines, weight=0.9),
    Family(name="alternate_lines", draw=_alternate, weight=0.5),
    Family(name="unique_lines", draw=_unique, weight=1.5),
    Family(name="sort_lines", draw=_sort, weight=0.7),
    Family(name="cells_in_order", draw=_cells_in_order, weight=0.8, second=False),
    Family(name="draw_border", draw=_border, weight=0.7),
    Family(name="grid_lines", draw=_grid_lines, weight=0.5),
    Family(name="spiral", draw=_spiral, weight=0.3, first=False, second=False),
    one_of("reverse_rings", "rings", ["reverse_rings(grid)"], _rings, 0.5, second=False),
    one_of("denoise_stripes", "noise, stripes", ["denoise_stripes(grid)"], _stripes, 0.5,
           second=False, tied=True),
    Family(name="staircase", draw=_staircase, weight=0.3, second=False),
    Family(name="checkerboard", draw=_checkerboard, weight=0.2, second=False),
]  # fmt: skip
