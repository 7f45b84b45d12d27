"""Families of the rarer concepts on lines, panels, rings and symmetry."""

import numpy as np

from arcbench.dsl.concepts._types import Array
from arcbench.synth.drafts import COLORS, DIRECTIONS, SIDES, draft, grids_up_to, one_of
from arcbench.synth.families_panels import join
from arcbench.synth.family import RNG, Draft, Family
from arcbench.synth.inputs import (
    Draw,
    Style,
    any_grids,
    between,
    blank,
    chance,
    distinct_colors,
    dot_grids,
    draw_style,
    noise_grids,
    paint_noise,
    pick,
    sprite,
    symmetric,
)


def _other(rng: RNG, *used: int) -> int:
    return pick(rng, [c for c in range(1, 10) if c not in used])


def _middle_line(rng: RNG) -> Draft:
    style = draw_style(rng, 3, 9, (2, 5), black=1.0)

    def draw_input(rng: RNG) -> Array:
        height, width = style.shape(rng)
        grid = np.zeros((height | 1, width | 1), dtype=np.int64)
        paint_noise(rng, grid, style.colors, 0.7)
        return grid

    line = pick(rng, ['"column"', '"row"'])
    return draft("middle line", f"keep_middle_line(grid, {line})", draw_input)


def _overlay_corners(rng: RNG) -> Draft:
    size = between(rng, 2, 4)
    colors = distinct_colors(rng, 5, (0,))
    fixed = chance(rng, 0.5)
    height, width = 2 * size + between(rng, -1, 2), 2 * size + between(rng, -1, 3)

    def draw_input(rng: RNG) -> Array:
        grid = np.zeros((height, width), dtype=np.int64)
        color = colors[0] if fixed else pick(rng, colors)
        for rows in (slice(0, size), slice(height - size, None)):
            for columns in (slice(0, size), slice(width - size, None)):
                paint_noise(rng, grid[rows, columns], [color], 0.35)
        return grid

    return draft("overlay, corners", f"overlay_corners(grid, {size})", draw_input)


def _halfway(rng: RNG) -> Draft:
    style = draw_style(rng, 7, 15, (2, 4), black=1.0)
    middle = _other(rng, *style.colors)

    def draw_input(rng: RNG) -> Array:
        grid = blank(rng, style)
        if grid.shape[1] % 2 == 0:
            grid = grid[:, 1:]
        for _ in range(between(rng, 1, 3)):
            row = between(rng, 0, len(grid) - 1)
            grid[row, [0, -1]] = [style.colors[i] for i in rng.permutation(len(style.colors))[:2]]
        return grid

    return draft("connect, halves", f"connect_halfway(grid, {COLORS[middle]})", draw_input)


def _dashed(rng: RNG) -> Draft:
    style = draw_style(rng, 6, 15, (1, 3), black=0.95)
    color = _other(rng, *style.colors, style.background)
    step = f"shoot_dashed(grid, {pick(rng, DIRECTIONS)}, {COLORS[color]})"
    return draft("rays, alternate", step, dot_grids(rng, style, 1, 4))


def _crossings(rng: RNG) -> Draft:
    style = draw_style(rng, 6, 15, (1, 2), black=0.95)
    color = _other(rng, *style.colors, style.background)
    row, column = pick(rng, [0, -1]), pick(rng, [0, -1])
    share = float(rng.uniform(0.2, 0.4))

    def draw_input(rng: RNG) -> Array:
        grid = blank(rng, style)
        paint_noise(rng, grid[row, 1:-1][None], style.colors, share)
        paint_noise(rng, grid[1:-1, column][None], style.colors, share)
        return grid

    return draft("crossings", f"mark_crossings(grid, {COLORS[color]})", draw_input)


def _diagonals_of(rng: RNG) -> Draft:
    style = draw_style(rng, 5, 15, (1, 2), black=0.4)
    color = pick(rng, [c for c in range(10) if c not in (*style.colors, style.background)])
    dots = between(rng, 1, 2)

    def draw_input(rng: RNG) -> Array:
        grid = blank(rng, style)
        for _ in range(dots):
            grid[int(rng.integers(len(grid))), int(rng.integers(grid.shape[1]))] = color
        return grid

    return draft("diagonals", f"extend_diagonals_of(grid, {COLORS[color]})", draw_input)


def _rows_by_position(rng: RNG) -> Draft:
    marks = distinct_colors(rng, between(rng, 1, 2), (0,))
    colors = distinct_colors(rng, 3, (0, *marks))
    width = 3 if chance(rng, 0.7) else pick(rng, [6, 9])

    def draw_input(rng: RNG) -> Array:
        height = width if chance(rng, 0.7) else between(rng, 2, 7)
        grid = np.zeros((height, width), dtype=np.int64)
        for row in grid:
            row[int(rng.integers(width))] = pick(rng, marks)
        return grid

    names = ", ".join(COLORS[c] for c in colors)
    return draft("rows, position", f"color_rows_by_position(grid, {names})", draw_input)


def _ring_cycle(rng: RNG) -> Draft:
    style = draw_style(rng, 5, 12, (3, 5), black=0.7, square=0.8)

    def draw_input(rng: RNG) -> Array:
        grid = blank(rng, style)
        palette = [*style.colors, style.background]
        used = [palette[i] for i in rng.permutation(len(palette))[: between(rng, 2, 3)]]
        for k in range((min(grid.shape) + 1) // 2):
            inner = grid[k : len(grid) - k, k : grid.shape[1] - k]
            inner[:] = used[k] if k < len(used) else pick(rng, used)
        return grid

    return draft("rings, color cycle", "cycle_ring_colors(grid)", draw_input)


def _three_colors_extended(rng: RNG) -> Draft:
    """Three colours, some with rows and some with columns, in a fixed order."""
    style = draw_style(rng, 6, 13, (3, 3), black=1.0)
    axes = [pick(rng, ['"horizontal"', '"vertical"']) for _ in range(2)]
    both = [*axes, '"horizontal"' if axes[0] == axes[1] == '"vertical"' else axes[1]]
    # Columns first: rows lie over them. Within an axis the order says nothing.
    drawn = sorted((axis == '"horizontal"', c) for c, axis in zip(style.colors, both, strict=True))
    steps = [
        f'extend_color(grid, {COLORS[color]}, "{"horizontal" if across else "vertical"}")'
        for across, color in drawn
    ]
    return draft("lines, color", steps, dot_grids(rng, style, 3, 5))


def _panel_grid(
    rng: RNG, counts: tuple[int, int], own_color: bool = False
) -> tuple[int, list[int], Draw]:
    """A lattice of panels with some cells each: separator, colours, inputs.

    With `own_color` the cells of a panel have one colour.
    """
    rows, columns = pick(rng, [(3, 3), (3, 3), (2, 2), (2, 3), (3, 2), (1, 3)])
    colors = distinct_colors(rng, between(rng, 2, 4), (0,))
    separator = colors.pop()
    side = between(rng, 2, 4)
    one_color = not own_color and chance(rng, 0.6)

    def draw_input(rng: RNG) -> Array:
        panels = []
        for _ in range(rows):
            line = []
            for _ in range(columns):
                panel = np.zeros((side, side), dtype=np.int64)
                many = between(rng, *counts)
                own = pick(rng, colors)
                for place in rng.permutation(side * side)[:many].tolist():
                    panel.flat[place] = (
                        own if own_color else colors[0] if one_color else pick(rng, colors)
                    )
                line.append(panel)
            panels.append(line)
        return join(panels, separator)

    return separator, colors, draw_input


def _panels_by_count(rng: RNG) -> Draft:
    separator, colors, draw_input = _panel_grid(rng, (0, 3))
    count = between(rng, 1, 3)
    name = pick(rng, ["mark_panels_with_count", "fill_panels_by_count"])
    color = _other(rng, separator) if chance(rng, 0.6) else colors[0]
    return draft("panels, count", f"{name}(grid, {count}, {COLORS[color]})", draw_input)


def _fill_panels(rng: RNG) -> Draft:
    _, colors, draw_input = _panel_grid(rng, (1, 2), own_color=True)
    steps = ["fill_panels(grid)"]
    if chance(rng, 0.4):
        steps.append(f"recolor(grid, {COLORS[colors[0]]}, {COLORS[_other(rng, *colors)]})")
    return draft("panels, fill", steps, draw_input)


def _are_equal(rng: RNG) -> Draft:
    """One cell that says whether the panels are equal, or whether the grid is symmetric."""
    yes, no = distinct_colors(rng, 2, (0,))
    panels = chance(rng, 0.4)
    colors = distinct_colors(rng, between(rng, 1, 4), (0,))
    side = between(rng, 2, 5)
    kind = pick(rng, ["horizontal", "vertical", "diagonal"])
    separator = _other(rng, *colors)

    def draw_input(rng: RNG) -> Array:
        grid = np.zeros((side, side), dtype=np.int64)
        paint_noise(rng, grid, colors, 0.6)
        if panels:
            other = grid.copy()
            if chance(rng, 0.5):
                paint_noise(rng, other, [0, *colors], 0.4)
            return join([[grid, other]], separator)
        return symmetric(rng, grid, kind) if chance(rng, 0.5) else grid

    end = "" if kind == "horizontal" else f', "{kind}"'
    step = f"color_if_symmetric(grid, {COLORS[yes]}, {COLORS[no]}{end})"
    if panels:
        step = f"color_if_panels_equal(grid, {COLORS[yes]}, {COLORS[no]})"
    return draft("compare, classify", step, draw_input)


def _incomplete(rng: RNG, style: Style, kind: str) -> Draw:
    """A symmetric figure from which a part was taken."""
    side = between(rng, 4, 8)
    density = float(rng.uniform(0.4, 0.8))
    core_color = _other(rng, *style.colors, style.background) if chance(rng, 0.65) else -1
    core_is_x = chance(rng, 0.4)
    lost = pick(rng, [0.8, 1.0, 1.0])

    def draw_input(rng: RNG) -> Array:
        grid = blank(rng, style)
        size = min(side, *grid.shape)
        figure = np.full((size, size), style.background, dtype=np.int64)
        if chance(rng, 0.5):
            paint_noise(rng, figure, style.colors, density)
        else:
            half = (size + 1) // 2
            figure[:half, :half] = sprite(rng, half, half, style.colors, style.background)
        if kind == "quarter_turn" and chance(rng, 0.5):
            figure = symmetric(rng, figure, "rotation")
            size = len(figure)
        else:
            if kind != "both":
                figure = symmetric(rng, figure, "diagonal")
            figure = symmetric(rng, figure, "both")
        middle = slice(size // 2 - 1, size // 2 + 1 + size % 2)
        core = figure[middle, middle].copy()
        core[core == style.background] = style.colors[0]
        if core_color >= 0:
            core[:] = core_color
            if core_is_x and len(core) == 3:
                core[[0, 1, 1, 2], [1, 0, 2, 1]] = style.background
        corner = pick(rng, [(0, 0), (0, 1), (1, 0), (1, 1)])
        for r in (0, 1):
            for c in (0, 1):
                # One quarter stays whole, the others lose most.
                if (r, c) != corner:
                    rows = slice(0, size // 2) if r == 0 else slice((size + 1) // 2, None)
                    columns = slice(0, size // 2) if c == 0 else slice((size + 1) // 2, None)
                    part = figure[rows, columns]
                    part[rng.random(part.shape) < lost] = style.background
        figure[middle, middle] = core
        row, column = between(rng, 0, len(grid) - size), between(rng, 0, grid.shape[1] - size)
        grid[row : row + size, column : column + size] = figure
        return grid

    return draw_input


def _complete(rng: RNG) -> Draft:
    kind = pick(rng, ["both", "both", "all", "quarter_turn"])
    style = draw_style(rng, 8, 15, (1, 3), black=0.95)
    end = "" if kind == "both" else f', "{kind}"'
    step = f"complete_symmetry(grid{end})"
    return draft("symmetry, complete", step, _incomplete(rng, style, kind))


def _double_edges(rng: RNG) -> Draft:
    style = draw_style(rng, 2, 7, (2, 5), same_size=0.6)
    return draft("border, edges", "double_edges(grid)", noise_grids(rng, style, 0.9))


def _rotations(rng: RNG) -> Draft:
    style = draw_style(rng, 2, 6, square=1.0, same_size=0.8)
    return draft("rotation, concatenate", "rotations_in_square(grid)", any_grids(rng, style))


def _share(rng: RNG) -> Draft:
    rows, columns = pick(rng, [(2, 2), (1, 2), (2, 1), (1, 3), (3, 1), (2, 3)])
    colors = distinct_colors(rng, between(rng, 2, 5), (0,))
    separator = colors.pop()
    height, width = between(rng, 3, 8), between(rng, 3, 8)
    spread = chance(rng, 0.3)

    def draw_input(rng: RNG) -> Array:
        panels = [
            [np.zeros((height, width), dtype=np.int64) for _ in range(columns)] for _ in range(rows)
        ]
        flat = [panel for line in panels for panel in line]
        for panel in flat if spread else [pick(rng, flat)]:
            paint_noise(rng, panel, colors, 0.15 if spread else 0.3)
        return join(panels, separator)

    return draft("panels, copy", "share_panels(grid)", draw_input)


def _ragged_stripes(rng: RNG) -> Draft:
    style = draw_style(rng, 5, 16, (1, 1), black=1.0)
    sideways = chance(rng, 0.5)
    mixed = chance(rng, 0.5)

    def draw_input(rng: RNG) -> Array:
        height, width = style.shape(rng)
        colors = np.array(distinct_colors(rng, between(rng, 2, 4), (0,)))
        edges = np.sort(rng.permutation(np.arange(2, width - 1))[: len(colors) - 1])
        ragged = edges[None] + rng.integers(-1, 2, size=(height, len(edges)))
        index = (np.arange(width)[None, :, None] >= ragged[:, None]).sum(2)
        grid = colors[index]
        flip = chance(rng, 0.5) if mixed else sideways
        return np.array(grid.T if flip else grid)

    return draft("stripes, order", "colors_in_order(grid)", draw_input)


FAMILIES = [
    Family(name="share_panels", draw=_share, weight=0.5, second=False),
    Family(name="colors_in_order", draw=_ragged_stripes, weight=0.5, second=False),
    Family(name="middle_line", draw=_middle_line, weight=0.3),
    Family(name="overlay_corners", draw=_overlay_corners, weight=0.4),
    Family(name="connect_halfway", draw=_halfway, weight=0.4, second=False),
    Family(name="shoot_dashed", draw=_dashed, weight=0.5),
    Family(name="crossings", draw=_crossings, weight=0.4, second=False),
    Family(name="diagonals_of", draw=_diagonals_of, weight=0.4),
    Family(name="rows_by_position", draw=_rows_by_position, weight=0.4, second=False),
    Family(name="ring_cycle", draw=_ring_cycle, weight=0.4, second=False),
    Family(name="extend_three_colors", draw=_three_colors_extended, weight=0.4),
    Family(name="panels_by_count", draw=_panels_by_count, weight=1.0, second=False),
    Family(name="fill_panels", draw=_fill_panels, weight=0.5, second=False),
    Family(name="classify", draw=_are_equal, weight=0.9, second=False),
    Family(name="complete_symmetry", draw=_complete, weight=0.8, second=False),
    Family(name="double_edges", draw=_double_edges, weight=0.4),
    Family(name="rotations_in_square", draw=_rotations, weight=0.3),
    one_of(
        "mirror_at_edge", "mirror, concatenate", [f"mirror_at_edge(grid, {s})" for s in SIDES],
        grids_up_to(8, 2), weight=0.4,
    ),
]  # fmt: skip
