"""Families that draw: holes and insides filled, outlines, frames, stamps, rays, bridges."""

from collections.abc import Sequence

import numpy as np

from arcbench.dsl.concepts._types import Array
from arcbench.dsl.concepts.drawing import bridge_objects, extend_tails
from arcbench.synth.drafts import CORNERS, draft
from arcbench.synth.family import RNG, Draft, Family
from arcbench.synth.inputs import between, blank, chance, dot_grids, pick
from arcbench.synth.inputs_objects import (
    Maker,
    blob,
    box,
    changed_by,
    dot,
    frame,
    holed,
    line,
    name_of,
    new_color,
    new_colors,
    object_style,
    place,
    scenes,
    square,
    until,
)

RAYS = (
    "up", "down", "left", "right", "up_left", "up_right", "down_left", "down_right",
    "horizontal", "vertical", "cross", "diagonals", "star",
)  # fmt: skip


def _outline(rng: RNG) -> Draft:
    style = object_style(rng, 7, 15, (1, 4), black=0.93)
    color = name_of(new_color(rng, style.colors))
    kind = rng.random()
    makers: tuple[Maker, ...] = (box(1, 4), blob(2, 4), dot())
    if kind < 0.5:
        makers = (dot(),) if chance(rng, 0.5) else makers
        step = f"outline_objects(grid, {color}{', False' if chance(rng, 0.3) else ''})"
    elif kind < 0.75:
        gap = pick(rng, (1, 1, 0, 2))
        makers = (blob(2, 4), box(2, 4)) if gap else (blob(3, 5),)
        step = f"draw_frames(grid, {color}{'' if gap == 1 else f', {gap}'})"
    else:
        gap = pick(rng, (1, 1, 0))
        step = f"frame_content(grid, {color}{'' if gap == 1 else f', {gap}'})"
        return draft("frame, content", step, scenes(rng, style, makers, 2, 4, gap=1))
    return draft("outline", step, scenes(rng, style, makers, 1, 4, gap=3))


def _surround(rng: RNG) -> Draft:
    """One or two colours of dots, each with its own stamp; or all dots with one."""
    style = object_style(rng, 6, 15, (1, 3), black=0.95)
    patterns = ("ring", "ring", "plus", "x", "far_plus", "far_x")

    def end() -> str:
        pattern = pick(rng, patterns)
        return "" if pattern == "ring" else f', "{pattern}"'

    colors = new_colors(rng, 3, style.colors)
    if len(style.colors) > 1 and chance(rng, 0.4):
        # A ring around all cells is an outline: that has its own family.
        pattern = pick(rng, patterns[2:])
        steps = [f'surround_all(grid, {name_of(colors[0])}, "{pattern}")']
    else:
        steps = [
            f"surround(grid, {name_of(center)}, {name_of(color)}{end()})"
            for center, color in zip(style.colors, colors[: between(rng, 1, 3)], strict=False)
        ]
        if len(steps) == 1 and chance(rng, 0.3):
            steps.append(f"recolor(grid, {name_of(style.colors[0])}, {name_of(colors[0])})")
    return draft("dots, stamp", steps, scenes(rng, style, (dot(),), 1, 4, gap=3))


def _rays(rng: RNG) -> Draft:
    style = object_style(rng, 6, 15, (1, 3), black=0.93)
    ways = [pick(rng, RAYS), pick(rng, RAYS)]
    color = name_of(new_color(rng, style.colors))
    through = ", through=True" if chance(rng, 0.2) else ""
    several = len(style.colors) > 1
    count = between(rng, 1, 2) if several else 1
    if not several or chance(rng, 0.4):
        own = f", {color}"
        if chance(rng, 0.4):
            # Other rays of all cells in their own colours have plainer names: shoot, draw_cross …
            own, ways = "", [pick(rng, ("horizontal", "vertical", "star"))]
        steps = [f'draw_rays(grid, "{ways[0]}"{own}{through})']
    else:
        steps = []
        for source, way in zip(style.colors, ways[:count], strict=False):
            own = "" if count == 2 or chance(rng, 0.6) else f", {color}"
            steps.append(f'draw_ray(grid, {name_of(source)}, "{way}"{own}{through})')
    dots = dot_grids(rng, style, 1, between(rng, 2, 4))
    if chance(rng, 0.7):
        return draft("rays", steps, dots)
    wall = new_color(rng, style.colors)
    walls = scenes(rng, style, (box(2, 4), line(3, 6)), 1, 2)

    def draw(rng: RNG) -> Array:
        grid = walls(rng)
        grid[grid != style.background] = wall
        taken = grid != style.background
        for _ in range(between(rng, 1, 4)):
            place(rng, grid, taken, np.full((1, 1), style.color(rng)))
        return grid

    if "draw_rays" in steps[0]:
        steps = [f'draw_ray(grid, {name_of(style.colors[0])}, "{ways[0]}"{through})']
    return draft("rays, obstacle", steps, draw)


def _diagonal_links(rng: RNG) -> Draft:
    style = object_style(rng, 7, 15, (1, 4), black=1.0)
    new = chance(rng, 0.3)
    color = f", {name_of(new_color(rng, style.colors))}" if new else ""

    def draw(rng: RNG) -> Array:
        grid = blank(rng, style)
        side = min(grid.shape)
        for own in style.colors:
            length = between(rng, 2, side - 1)
            row = between(rng, 0, len(grid) - 1 - length)
            column = between(rng, 0, grid.shape[1] - 1 - length)
            if chance(rng, 0.5):
                grid[row, column] = grid[row + length, column + length] = own
            else:
                grid[row + length, column] = grid[row, column + length] = own
        return grid

    return draft("connect, diagonal", f"connect_diagonally(grid{color})", draw)


def _corner_links(rng: RNG) -> Draft:
    style = object_style(rng, 5, 15, (2, 2), black=1.0)
    start, end = style.colors
    color = new_color(rng, style.colors)
    step = f"connect_at_corner(grid, {name_of(start)}, {name_of(end)}, {name_of(color)}"
    step += ', "column")' if chance(rng, 0.5) else ")"

    def draw(rng: RNG) -> Array:
        grid = blank(rng, style)
        rows = rng.permutation(len(grid))[:2]
        columns = rng.permutation(grid.shape[1])[:2]
        grid[rows, columns] = start, end
        return grid

    return draft("connect, corner", step, draw)


def _center_lines(rng: RNG) -> Draft:
    style = object_style(rng, 9, 16, (1, 2), black=0.8)
    color = new_color(rng, style.colors)
    end = pick(rng, ("", ', "horizontal"', ', "vertical"'))
    makers: tuple[Maker, ...] = (frame(3, 3), dot()) if chance(rng, 0.5) else (odd_box,)
    step = f"draw_lines_through_centers(grid, {name_of(color)}{end})"
    return draft("center, lines", step, scenes(rng, style, makers, 1, 2))


def odd_box(rng: RNG, colors: Sequence[int]) -> Array:
    """A solid rectangle of odd sides, so that it has a middle."""
    return np.full((2 * between(rng, 0, 2) + 1, 2 * between(rng, 0, 2) + 1), pick(rng, colors))


def _bridges(rng: RNG) -> Draft:
    style = object_style(rng, 10, 17, (1, 2), black=1.0)
    color = new_color(rng, style.colors)
    inset = 1 if chance(rng, 0.6) else 0
    makers = (box(3, 5), frame(3, 5)) if inset else (box(1, 3), dot())
    step = f"bridge_objects(grid, {name_of(color)}{'' if inset else ', 0'})"

    def draw(rng: RNG) -> Array:
        # Two or three figures in one row or column of the grid, another anywhere.
        grid = blank(rng, style)
        view = grid if chance(rng, 0.5) else grid.T
        middle = between(rng, 2, len(view) - 3)
        column = between(rng, 0, 2)
        for _ in range(between(rng, 2, 3)):
            figure = pick(rng, makers)(rng, style.colors)
            height, width = figure.shape
            row = min(len(view) - height, max(0, middle - height // 2))
            if column + width > view.shape[1]:
                break
            part = view[row : row + height, column : column + width]
            part[figure >= 0] = figure[figure >= 0]
            column += width + between(rng, 2, 5)
        if chance(rng, 0.4):
            place(rng, grid, grid != style.background, pick(rng, makers)(rng, style.colors), 2)
        return grid

    inputs = changed_by(draw, lambda grid: bridge_objects(grid, color, inset))
    return draft("bridge, objects", step, inputs)


def _corners(rng: RNG) -> Draft:
    style = object_style(rng, 6, 13, (1, 2), black=1.0)
    names = ", ".join(name_of(c) for c in new_colors(rng, 4, style.colors))
    inputs = scenes(rng, style, (square(2, 3), box(1, 3), dot()), 1, 3, gap=3)
    steps = [f"mark_corners_around(grid, {names})"]
    if chance(rng, 0.3):
        steps.append(f"recolor(grid, {name_of(style.colors[0])}, Color.BLACK)")
    return draft("corners, mark", steps, inputs)


def _midpoint(rng: RNG) -> Draft:
    style = object_style(rng, 7, 14, (1, 1), black=1.0)
    color = new_color(rng, style.colors)
    end = "" if chance(rng, 0.6) else ', "dot"'

    def draw(rng: RNG) -> Array:
        grid = blank(rng, style)
        view = grid if chance(rng, 0.5) else grid.T
        row = between(rng, 1, len(view) - 2)
        reach = between(rng, 2, (view.shape[1] - 1) // 2)
        middle = between(rng, reach, view.shape[1] - 1 - reach)
        view[row, [middle - reach, middle + reach]] = style.colors[0]
        return grid

    return draft("middle, mark", f"mark_midpoint(grid, {name_of(color)}{end})", draw)


def _outline_and_fill(rng: RNG) -> Draft:
    style = object_style(rng, 9, 16, (1, 1), black=0.6)
    one, two = new_colors(rng, 2, style.colors, [style.background])
    steps = [
        f"fill_holes(grid, {name_of(two)})",
        f"outline_objects(grid, {name_of(one)})",
    ]
    return draft(
        "outline, holes, fill", steps, scenes(rng, style, (frame(3, 5), holed(2)), 1, 3, 3)
    )


def _tails(rng: RNG) -> Draft:
    """Short lines or figures with a tail, which go on to the edge."""
    style = object_style(rng, 7, 15, (1, 3), black=1.0)
    straight = chance(rng, 0.4)

    def make(rng: RNG, colors: Sequence[int]) -> Array:
        color = pick(rng, colors)
        if straight:
            length = between(rng, 2, 4)
            out = np.full((length, length), -1)
            if chance(rng, 0.5):
                np.fill_diagonal(out, color)
            else:
                out = np.full((1, length), color)
        else:
            out = np.full((3, 3), -1)
            out[:2, :2] = color
            out[2, pick(rng, (0, 1, 2))] = color
        return np.array(np.rot90(out, between(rng, 0, 3)))

    inputs = changed_by(scenes(rng, style, (make,), 1, 3), extend_tails)
    return draft("tail, ray", "extend_tails(grid)", inputs)


def _four(rng: RNG) -> Draft:
    style = object_style(rng, 6, 13, (1, 2), black=1.0)
    names = ", ".join(name_of(c) for c in new_colors(rng, 4, style.colors))
    step = f"surround_four(grid, {name_of(style.colors[0])}, {names})"
    return draft("dots, four sides", step, scenes(rng, style, (dot(),), 1, 4, gap=2))


def _one_color_noise(rng: RNG) -> Draft:
    style = object_style(rng, 8, 16, (1, 3), black=0.7)
    noise = new_color(rng, style.colors, [style.background])
    density = float(rng.uniform(0.03, 0.12))
    inner = scenes(rng, style, (box(3, 7), box(4, 6)), 1, 4)

    def draw(rng: RNG) -> Array:
        grid = inner(rng)
        grid[rng.random(grid.shape) < density] = noise
        return grid

    return draft("noise, color", f"replace_by_neighbors(grid, {name_of(noise)})", draw)


def _corner_ray(rng: RNG) -> Draft:
    style = object_style(rng, 7, 15, (1, 3), black=1.0)
    corners = [
        CORNERS[int(k)] for k in rng.permutation(4)[: min(len(style.colors), between(rng, 1, 2))]
    ]
    steps = [
        f"draw_corner_ray(grid, {name_of(color)}, {corner})"
        for color, corner in zip(style.colors, corners, strict=False)
    ]
    inputs = scenes(rng, style, (square(2, 3), box(2, 3)), len(style.colors), 3)

    def is_good(grid: Array) -> bool:
        inner = grid[1:-1, 1:-1]
        return all((inner == color).any() for color in style.colors[: len(steps)]) and not any(
            (line == style.colors[0]).any() for line in (grid[0], grid[-1], grid[:, 0], grid[:, -1])
        )

    return draft("corner, ray", steps, until(inputs, is_good))


FAMILIES = [
    Family(name="outline", draw=_outline, weight=1.5),
    Family(name="surround dots", draw=_surround, weight=1.5, second=False),
    Family(name="rays", draw=_rays, weight=2.0),
    Family(name="connect diagonally", draw=_diagonal_links, weight=0.6, second=False),
    Family(name="connect at a corner", draw=_corner_links, weight=0.6, second=False),
    Family(name="lines through centers", draw=_center_lines, weight=0.6),
    Family(name="bridge objects", draw=_bridges, weight=0.6, second=False),
    Family(name="mark corners", draw=_corners, weight=0.4),
    Family(name="mark the middle", draw=_midpoint, weight=0.4, second=False),
    Family(name="outline and fill", draw=_outline_and_fill, weight=0.4, second=False),
    Family(name="extend tails", draw=_tails, weight=0.6, second=False),
    Family(name="four colors around", draw=_four, weight=0.3, second=False),
    Family(name="noise of one color", draw=_one_color_noise, weight=0.6, second=False, tied=True),
    Family(name="ray from a corner", draw=_corner_ray, weight=0.5, second=False),
]
