"""Families on symmetry and repeating patterns: made, continued, restored."""

import numpy as np

from arcbench.dsl.concepts._types import Array
from arcbench.synth.drafts import COLORS, draft, other_step
from arcbench.synth.family import RNG, Draft, Family
from arcbench.synth.inputs import (
    Draw,
    any_grids,
    between,
    blank,
    chance,
    distinct_colors,
    draw_style,
    noise_grids,
    paint_noise,
    paint_rectangles,
    pick,
    sprite,
    symmetric,
)

KINDS = ('"horizontal"', '"vertical"', '"both"', '"diagonal"', '"half_turn"', '"quarter_turn"')


def _symmetrize(rng: RNG) -> Draft:
    kind = pick(rng, [*KINDS, '"all"'])
    square = 1.0 if kind in ('"diagonal"', '"quarter_turn"', '"all"') else 0.4
    style = draw_style(rng, 4, 14, (1, 3), black=0.95, square=square)
    sparse = float(rng.uniform(0.1, 0.4))
    noise = chance(rng, 0.5)
    draw_input = noise_grids(rng, style, sparse) if noise else any_grids(rng, style)
    return draft("symmetry", f"symmetrize(grid, {kind})", draw_input)


def _symmetrize_content(rng: RNG) -> Draft:
    kind = pick(rng, [*KINDS, '"all"'])
    style = draw_style(rng, 7, 15, (1, 3), black=0.95)
    share = float(rng.uniform(0.3, 0.7))

    def draw_input(rng: RNG) -> Array:
        grid = blank(rng, style)
        side = min(between(rng, 3, 9), *grid.shape)
        part = np.full((side, side), style.background, dtype=np.int64)
        paint_noise(rng, part, style.colors, share)
        part = symmetric(rng, part, "both")
        mask = rng.random(part.shape) < 0.35
        mask[side // 2] = mask[:, side // 2] = False
        part[mask] = style.background
        part[side // 2, [0, -1]] = part[[0, -1], side // 2] = style.color(rng)
        row, column = between(rng, 0, len(grid) - side), between(rng, 0, grid.shape[1] - side)
        grid[row : row + side, column : column + side] = part
        return grid

    step = f"symmetrize_content(grid, {kind})"
    others = [f"symmetrize_content(grid, {other})" for other in (*KINDS, '"all"')]
    return draft("symmetry, object", step, draw_input, other_step(step, others))


def _half_onto_other(rng: RNG) -> Draft:
    half = pick(rng, ['"top"', '"bottom"', '"left"', '"right"'])
    style = draw_style(rng, 4, 14, (1, 3), black=0.95)
    inner = any_grids(rng, style)
    empty = chance(rng, 0.7)

    def draw_input(rng: RNG) -> Array:
        grid = inner(rng)
        if empty:
            height, width = grid.shape
            if half == '"top"':
                grid[(height + 1) // 2 :] = style.background
            elif half == '"bottom"':
                grid[: height // 2] = style.background
            elif half == '"left"':
                grid[:, (width + 1) // 2 :] = style.background
            else:
                grid[:, : width // 2] = style.background
        return grid

    return draft("symmetry, halves", f"mirror_half_onto_other(grid, {half})", draw_input)


def _mask(rng: RNG, grid: Array, color: int, count: int) -> None:
    """Hide `count` boxes of the grid (in place), none of them across more than its half."""
    height, width = grid.shape
    high = max(2, min(height, width) // 3)
    paint_rectangles(rng, grid, [color], count, 2, high)


def _hidden_symmetry(rng: RNG) -> Draft:
    """A symmetric grid with masked parts: restore all, or give what is hidden."""
    style = draw_style(rng, 7, 18, (2, 6), black=0.6, square=1.0, same_size=0.8)
    mask_color = pick(rng, [c for c in range(10) if c not in (*style.colors, style.background)])
    crop = chance(rng, 0.5)
    kind = pick(rng, ["both", "both", "all", "horizontal", "vertical"])
    # An axis a little off the middle, as if the grid were cut out of a larger one.
    cut = pick(rng, [0, 0, 1, 2])
    motif = pick(rng, [0.5, 0.9, 1.0])

    def draw_input(rng: RNG) -> Array:
        grid = blank(rng, style)
        paint_noise(rng, grid, style.colors, motif)
        if kind == "all":
            grid = symmetric(rng, grid, "diagonal")
        grid = symmetric(rng, grid, "both" if kind == "all" else kind)
        grid = np.array(grid[cut:, cut:])
        _mask(rng, grid, mask_color, 1 if crop else between(rng, 1, 3))
        return grid

    name = "hidden_by_symmetry" if crop else "fill_by_symmetry"
    return draft("symmetry, fill", f"{name}(grid, {COLORS[mask_color]})", draw_input)


def _tile(rng: RNG, colors: list[int], rows: int, columns: int) -> Array:
    return np.array(np.array(colors)[rng.integers(len(colors), size=(rows, columns))])


def _periodic(rng: RNG, colors: list[int], shape: tuple[int, int], kind: str) -> Array:
    """A grid filled with a pattern: "tile", "diagonal", or "table" (tile of a times table)."""
    height, width = shape
    rows, columns = np.arange(height)[:, None], np.arange(width)[None]
    if kind == "diagonal":
        order = np.array([colors[i] for i in rng.permutation(len(colors))][: between(rng, 2, 5)])
        sign = 1 if chance(rng, 0.5) else -1
        return np.array(order[(rows + sign * columns) % len(order)])
    if kind == "table":
        order = np.array([colors[i] for i in rng.permutation(len(colors))])
        start = between(rng, 0, 3)
        return np.array(order[((rows + start) * (columns + start)) % len(order)])
    tile = _tile(rng, colors, between(rng, 2, 4), between(rng, 2, 4))
    return np.array(tile[rows % len(tile), columns % tile.shape[1]])


def _hidden_pattern(rng: RNG) -> Draft:
    """A repeating pattern with masked parts: restore it, or give what is hidden."""
    style = draw_style(rng, 7, 18, square=0.7)
    crop = chance(rng, 0.25)
    colors = distinct_colors(rng, between(rng, 3, 6), (0,) if chance(rng, 0.8) else ())
    mask_color = 0
    if 0 in colors or chance(rng, 0.2):
        mask_color = pick(rng, [c for c in range(10) if c not in colors])
    kind = pick(rng, ["tile", "tile", "diagonal", "table"])
    sparse = kind == "diagonal" and not crop and chance(rng, 0.4)

    def draw_input(rng: RNG) -> Array:
        grid = _periodic(rng, colors, style.shape(rng), kind)
        if sparse:
            rows, columns = np.indices(grid.shape)
            band = np.abs(rows - columns + between(rng, -3, 3)) <= 2
            return np.where(band | (rng.random(grid.shape) < 0.1), grid, mask_color)
        _mask(rng, grid, mask_color, 1 if crop else between(rng, 1, 4))
        return grid

    name = "hidden_by_period" if crop else "fill_by_period"
    return draft("pattern, fill", f"{name}(grid, {COLORS[mask_color]})", draw_input)


def _smallest_tile(rng: RNG) -> Draft:
    style = draw_style(rng, 2, 5, (1, 4), black=0.6, same_size=0.3)
    inner = noise_grids(rng, style)
    shapes = [(1, 2), (2, 1), (1, 3), (3, 1), (2, 2), (3, 3), (2, 3)]

    def draw_input(rng: RNG) -> Array:
        return np.array(np.tile(inner(rng), pick(rng, shapes)))

    return draft("pattern, tile", "smallest_tile(grid)", draw_input)


def _grow_pattern(rng: RNG) -> Draft:
    direction = pick(rng, ['"right"', '"down"', '"right"', '"left"', '"up"'])
    sideways = direction in ('"right"', '"left"')
    colors = distinct_colors(rng, between(rng, 2, 4), (0,))
    ground = [0] if chance(rng, 0.6) else []
    width = between(rng, 2, 7)
    length = between(rng, 4, 9)
    goal = 0 if chance(rng, 0.7) else length + between(rng, 1, length)

    def draw_input(rng: RNG) -> Array:
        palette = [*(colors[i] for i in rng.permutation(len(colors))[:2]), *ground]
        tile = _tile(rng, palette, between(rng, 2, max(2, length // 2)), width)
        grid = np.resize(tile, (length, width))
        if direction in ('"up"', '"left"'):
            grid = grid[::-1]
        return np.array(grid.T if sideways else grid)

    end = f", {goal}" if goal else ""
    return draft("pattern, extend", f"grow_pattern(grid, {direction}{end})", draw_input)


def _continue_lines(rng: RNG) -> Draft:
    by_row = chance(rng, 0.6)
    colors = distinct_colors(rng, between(rng, 2, 5), (0,))
    style = draw_style(rng, 5, 15)
    every = chance(rng, 0.5)

    def draw_input(rng: RNG) -> Array:
        height, width = style.shape(rng)
        grid = np.zeros((height, width), dtype=np.int64)
        for i in range(height):
            if not every and i < height - 3:
                continue
            period = between(rng, 1, 4)
            tile = _tile(rng, colors, 1, period)[0]
            shown = between(rng, min(2 * period, width - 1), max(2, width - 2))
            grid[i, :shown] = np.resize(tile, shown)
        return grid if by_row else np.array(grid.T)

    name = "continue_rows" if by_row else "continue_columns"
    return draft("pattern, extend", f"{name}(grid)", draw_input)


def _tile_to_size(rng: RNG) -> Draft:
    style = draw_style(rng, 2, 5, same_size=0.5)
    # More than one tile in each direction, or it would be a crop.
    least = max(style.rows[1], style.columns[1]) + 1
    rows, columns = between(rng, least, 12), between(rng, least, 12)
    if chance(rng, 0.6):
        rows = columns = max(rows, columns)
    inner: Draw = noise_grids(rng, style, 1.0 if chance(rng, 0.5) else None)
    return draft("tiling", f"tile_to_size(grid, {rows}, {columns})", inner)


def _figure_symmetry(rng: RNG) -> Draft:
    """A figure in one quarter, mirrored to the others."""
    style = draw_style(rng, 6, 14, (1, 3), black=0.95, square=0.7)
    kind = pick(rng, KINDS)

    def draw_input(rng: RNG) -> Array:
        grid = blank(rng, style)
        height, width = grid.shape[0] // 2, grid.shape[1] // 2
        part = sprite(rng, height, width, style.colors, ground=style.background)
        row = pick(rng, [0, len(grid) - height])
        column = pick(rng, [0, grid.shape[1] - width])
        grid[row : row + height, column : column + width] = part
        return grid

    return draft("symmetry", f"symmetrize(grid, {kind})", draw_input)


def _tile_content(rng: RNG) -> Draft:
    """A band across the grid that is repeated to the edges."""
    style = draw_style(rng, 6, 15, (1, 3), black=0.95)
    axis = pick(rng, ['"vertical"', '"horizontal"'])
    density = float(rng.uniform(0.4, 0.8))

    def draw_input(rng: RNG) -> Array:
        grid = blank(rng, style)
        view = grid if axis == '"vertical"' else grid.T
        height = between(rng, 2, max(2, len(view) // 3))
        row = between(rng, 0, len(view) - height)
        band = view[row : row + height]
        if chance(rng, 0.5):
            tile = np.full((height, between(rng, 2, 4)), style.background, dtype=np.int64)
            paint_noise(rng, tile, style.colors, density)
            band[:] = np.resize(tile.T, (view.shape[1], height)).T
        else:
            paint_noise(rng, band, style.colors, density)
        return grid

    return draft("pattern, extend", f"tile_content(grid, {axis})", draw_input)


FAMILIES = [
    Family(name="tile_content", draw=_tile_content, weight=0.5),
    Family(name="symmetrize", draw=_symmetrize, weight=1.5),
    Family(name="symmetrize_figure", draw=_figure_symmetry, weight=0.6),
    Family(name="symmetrize_content", draw=_symmetrize_content, weight=0.8),
    Family(name="mirror_half", draw=_half_onto_other, weight=0.6),
    Family(name="hidden_symmetry", draw=_hidden_symmetry, weight=1.5, second=False),
    Family(name="hidden_pattern", draw=_hidden_pattern, weight=1.5, second=False),
    Family(name="smallest_tile", draw=_smallest_tile, weight=0.5),
    Family(name="grow_pattern", draw=_grow_pattern, weight=0.8),
    Family(name="continue_lines", draw=_continue_lines, weight=1.0, second=False),
    Family(name="tile_to_size", draw=_tile_to_size, weight=0.3),
]
