"""Families on grids that are made of panels."""

import numpy as np

from arcbench.dsl.concepts._types import Array
from arcbench.synth.drafts import COLORS, draft
from arcbench.synth.family import RNG, Draft, Family
from arcbench.synth.inputs import (
    Draw,
    between,
    chance,
    distinct_colors,
    paint_noise,
    pick,
    sprite,
    symmetric,
)

Panels = list[list[Array]]


def join(panels: Panels, separator: int | None) -> Array:
    """The panels as one grid, with separator lines of the colour, or without (None)."""
    rows: list[Array] = []
    for row in panels:
        parts: list[Array] = []
        for panel in row:
            if parts and separator is not None:
                parts.append(np.full((len(panel), 1), separator, dtype=np.int64))
            parts.append(panel)
        line = np.hstack(parts)
        if rows and separator is not None:
            rows.append(np.full((1, line.shape[1]), separator, dtype=np.int64))
        rows.append(line)
    return np.vstack(rows)


def _two_panels(rng: RNG, high: int = 7) -> tuple[list[int], Draw]:
    """Two panels (rarely more) beside or above each other: their colours, and the inputs."""
    count = 2 if chance(rng, 0.8) else pick(rng, [3, 4])
    stacked = chance(rng, 0.5)
    same_color = chance(rng, 0.25)
    colors = distinct_colors(rng, count + 1, (0,))
    separator = colors.pop() if chance(rng, 0.7) or count > 2 else None
    colors = [colors[0]] * count if same_color else colors[:count]
    density = float(rng.uniform(0.3, 0.65))
    low, high = (3, high) if count == 2 else (3, 5)
    height, width = between(rng, low, high), between(rng, low, high)
    if separator is None:
        # Without a line only the form says where the panels meet: squares, or even halves.
        if chance(rng, 0.6):
            width = height
        elif stacked:
            width = max(2, min(width, 2 * height - 1))
        else:
            height = max(2, min(height, 2 * width - 1))
    fixed = chance(rng, 0.8)
    sizes = (height, width)

    def draw_input(rng: RNG) -> Array:
        h, w = sizes
        if not fixed and separator is not None:
            h, w = between(rng, low, high), between(rng, low, high)
        panels = []
        for color in colors:
            panel = np.zeros((h, w), dtype=np.int64)
            paint_noise(rng, panel, [color], density)
            panels.append(panel)
        rows = [[p] for p in panels] if stacked else [panels]
        return join(rows, separator)

    return colors, draw_input


def _boolean(rng: RNG) -> Draft:
    colors, draw_input = _two_panels(rng)
    color = pick(rng, range(1, 10)) if chance(rng, 0.75) else colors[0]
    name = pick(
        rng,
        ["panels_and", "panels_and", "panels_or", "panels_differ", "panels_nor", "panels_nor",
         "panels_only_first", "panels_only_second"],
    )  # fmt: skip
    return draft("panels, logic", f"{name}(grid, {COLORS[color]})", draw_input)


def _overlay(rng: RNG) -> Draft:
    count = pick(rng, [2, 3, 4, 4, 4])
    shape = {2: (1, 2), 3: (1, 3), 4: (2, 2)}[count]
    if count < 4 and chance(rng, 0.5):
        shape = shape[::-1]
    colors = distinct_colors(rng, count + 1, (0,))
    separator = colors.pop() if chance(rng, 0.6) or count == 3 else None
    side = between(rng, 2, 6 if count < 4 else 5)
    other = between(rng, 2, 6) if separator is not None and chance(rng, 0.3) else side
    density = float(rng.uniform(0.3, 0.6))
    order = ", ".join(map(str, rng.permutation(count).tolist()))

    def draw_input(rng: RNG) -> Array:
        panels = []
        for color in colors[:count]:
            panel = np.zeros((side, other), dtype=np.int64)
            paint_noise(rng, panel, [color], density)
            panels.append(panel)
        rows = [panels[i * shape[1] : (i + 1) * shape[1]] for i in range(shape[0])]
        return join(rows, separator)

    return draft("panels, overlay", f"overlay_panels(grid, {order})", draw_input)


def _layout(rng: RNG, most: int = 9) -> tuple[int, int]:
    shapes = [(1, 2), (2, 1), (1, 3), (3, 1), (2, 2), (2, 2), (2, 3), (3, 2), (3, 3), (1, 4)]
    return pick(rng, [s for s in shapes if s[0] * s[1] <= most])


def _panel(rng: RNG, side: tuple[int, int], colors: list[int], style: str, density: float) -> Array:
    if style == "sprite":
        return sprite(rng, *side, colors)
    panel = np.zeros(side, dtype=np.int64)
    paint_noise(rng, panel, colors, density)
    return panel


def _choose(rng: RNG) -> Draft:
    """Choose one of several panels by a property."""
    kind = pick(
        rng,
        ["odd_panel", "odd_panel", "panel_with_most_cells", "panel_with_fewest_cells",
         "panel_with_most_colors", "symmetric_panel", "asymmetric_panel"],
    )  # fmt: skip
    rows, columns = _layout(rng)
    if rows * columns == 2 and kind in ("odd_panel", "panel_with_most_colors"):
        rows, columns = pick(rng, [(1, 3), (3, 1)])
    colors = distinct_colors(rng, 4, (0,))
    separator: int | None = colors.pop()
    height = between(rng, 3, 5)
    width = height if chance(rng, 0.7) else between(rng, 3, 5)
    if kind != "panel_with_most_colors" and chance(rng, 0.3) and 1 in (rows, columns):
        separator, width = None, height
    look = pick(rng, ["noise", "sprite"])
    one_color = chance(rng, 0.6)
    varied = chance(rng, 0.2) and separator is not None

    def draw_input(rng: RNG) -> Array:
        count = rows * columns
        h, w = (between(rng, 3, 5), between(rng, 3, 5)) if varied else (height, width)
        palette = [pick(rng, colors)] if one_color else colors
        densities = rng.permutation(count) / count * 0.6 + 0.2
        if kind == "odd_panel":
            usual = _panel(rng, (h, w), palette, look, 0.5)
            panels = [usual] * count
            panels[between(rng, 0, count - 1)] = _panel(rng, (h, w), palette, look, 0.5)
        elif "cells" in kind:
            panels = [_panel(rng, (h, w), palette, "noise", float(d)) for d in densities]
        elif kind == "panel_with_most_colors":
            richest = between(rng, 0, count - 1)
            panels = [
                _panel(rng, (h, w), colors if i == richest else [pick(rng, colors)], "noise", 0.7)
                for i in range(count)
            ]
        else:
            special = between(rng, 0, count - 1)
            panels = []
            for i in range(count):
                panel = _panel(rng, (h, w), palette, "noise", 0.5)
                if (i == special) == (kind == "symmetric_panel"):
                    panel = symmetric(rng, panel, pick(rng, ["horizontal", "vertical"]))
                panels.append(panel)
        lines = [panels[i * columns : (i + 1) * columns] for i in range(rows)]
        return join(lines, separator)

    return draft("panels, choose", f"{kind}(grid)", draw_input)


def _by_number(rng: RNG) -> Draft:
    rows, columns = _layout(rng, 6)
    colors = distinct_colors(rng, between(rng, 2, 4), (0,))
    separator = colors.pop()
    height, width = between(rng, 2, 5), between(rng, 2, 5)
    index = between(rng, 0, rows * columns - 1)
    remove = chance(rng, 0.3)

    def draw_input(rng: RNG) -> Array:
        panels = [
            [_panel(rng, (height, width), colors, "noise", 0.6) for _ in range(columns)]
            for _ in range(rows)
        ]
        return join(panels, separator)

    step = "remove_separators(grid)" if remove else f"panel(grid, {index})"
    return draft("panels", step, draw_input)


def _irregular(rng: RNG, separator: int, dense: float, palette: list[int], noise: int) -> Array:
    """Panels of several sizes, each of one main colour."""
    rows, columns = between(rng, 1, 4), between(rng, 1, 4)
    if rows * columns == 1:
        columns = 2
    heights, widths = rng.integers(2, 5, size=rows).tolist(), rng.integers(2, 5, columns).tolist()
    panels = []
    for h in heights:
        row = []
        for w in widths:
            panel = np.full((h, w), pick(rng, palette), dtype=np.int64)
            paint_noise(rng, panel, [noise], dense)
            row.append(panel)
        panels.append(row)
    return join(panels, separator)


def _to_cells(rng: RNG) -> Draft:
    count_only = chance(rng, 0.3)
    palette = distinct_colors(rng, 6, (0,))
    separator = palette.pop()
    if not count_only and chance(rng, 0.25):
        separator = 0
    noise = 0 if chance(rng, 0.7) or separator == 0 else palette.pop()
    density = pick(rng, [0.0, 0.15, 0.25]) if separator else 0.1

    def draw_input(rng: RNG) -> Array:
        if not count_only:
            colors = [*palette[:4], *([0] if separator else [])]
            return _irregular(rng, separator, density, colors, noise)
        line, ground = (palette[i] for i in rng.permutation(len(palette))[:2])
        return _irregular(rng, line, 0.0, [ground], ground)

    step = "panel_count_grid(grid)" if count_only else "panels_to_cells(grid)"
    return draft("panels, scale down", step, draw_input)


def _fullest(rng: RNG) -> Draft:
    rows, columns = pick(rng, [(3, 3), (3, 3), (2, 2), (2, 3), (1, 3)])
    colors = distinct_colors(rng, between(rng, 2, 3), (0,))
    separator = colors.pop()
    side = between(rng, 2, 4)

    def draw_input(rng: RNG) -> Array:
        color = pick(rng, colors)
        panels = [
            [_panel(rng, (side, side), [color], "noise", 0.35) for _ in range(columns)]
            for _ in range(rows)
        ]
        return join(panels, separator)

    return draft("panels, fill", "fill_fullest_panels(grid)", draw_input)


FAMILIES = [
    Family(name="panels_boolean", draw=_boolean, weight=2.5),
    Family(name="panels_overlay", draw=_overlay, weight=1.0, tied=True),
    Family(name="panels_choose", draw=_choose, weight=3.5, second=False),
    Family(name="panel_by_number", draw=_by_number, weight=0.6),
    Family(name="panels_to_cells", draw=_to_cells, weight=1.3, second=False, tied=True),
    Family(name="panels_fullest", draw=_fullest, weight=0.7, second=False),
]
