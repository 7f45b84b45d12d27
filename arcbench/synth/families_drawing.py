"""Families that draw: holes and insides filled, outlines, frames, stamps, rays, bridges."""

from collections.abc import Sequence

import numpy as np

from arcbench.dsl.concepts._components import enclosed, things
from arcbench.dsl.concepts._types import Array
from arcbench.dsl.concepts.drawing import bridge_objects
from arcbench.dsl.concepts.filling import fill_empty_squares
from arcbench.synth.drafts import CORNERS, draft
from arcbench.synth.family import RNG, Draft, Family
from arcbench.synth.inputs import between, blank, chance, dot_grids, noise_grids, pick
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
    open_frame,
    place,
    scenes,
    square,
    until,
)

RAYS = (
    "up", "down", "left", "right", "up_left", "up_right", "down_left", "down_right",
    "horizontal", "vertical", "cross", "diagonals", "star",
)  # fmt: skip


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
        return draft("frame, content", step, scenes(rng, style, makers, 1, 3, gap=1))
    return draft("outline", step, scenes(rng, style, makers, 1, 4, gap=3))


def _surround(rng: RNG) -> Draft:
    """One or two colours of dots, each with its own stamp; or all dots with one."""
    style = object_style(rng, 6, 15, (1, 3), black=0.95)
    patterns = ("ring", "ring", "plus", "x", "far_plus", "far_x")

    def end() -> str:
        pattern = pick(rng, patterns)
        return "" if pattern == "ring" else f', "{pattern}"'

    colors = new_colors(rng, 2, style.colors)
    if chance(rng, 0.3):
        steps = [f"surround_all(grid, {name_of(colors[0])}{end()})"]
    else:
        steps = [
            f"surround(grid, {name_of(center)}, {name_of(color)}{end()})"
            for center, color in zip(style.colors, colors[: between(rng, 1, 2)], strict=False)
        ]
        if len(steps) == 1 and chance(rng, 0.3):
            steps.append(f"recolor(grid, {name_of(style.colors[0])}, {name_of(colors[0])})")
    return draft("dots, stamp", steps, scenes(rng, style, (dot(),), 1, 4, gap=3))


def _rays(rng: RNG) -> Draft:
    style = object_style(rng, 6, 15, (1, 3), black=0.93)
    ways = [pick(rng, RAYS), pick(rng, RAYS)]
    color = name_of(new_color(rng, style.colors))
    through = ", through=True" if chance(rng, 0.2) else ""
    count = between(rng, 1, 2) if len(style.colors) > 1 else 1
    if chance(rng, 0.5):
        own = "" if chance(rng, 0.7) else f", {color}"
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
    return draft("corners, mark", f"mark_corners_around(grid, {names})", inputs)


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

    return draft("tail, ray", "extend_tails(grid)", scenes(rng, style, (make,), 1, 3))


def _four(rng: RNG) -> Draft:
    style = object_style(rng, 6, 13, (1, 2), black=1.0)
    names = ", ".join(name_of(c) for c in new_colors(rng, 4, style.colors))
    step = f"surround_four(grid, {name_of(style.colors[0])}, {names})"
    return draft("dots, four sides", step, scenes(rng, style, (dot(),), 1, 4, gap=2))


def _parity(rng: RNG) -> Draft:
    style = object_style(rng, 9, 16, (1, 1), black=1.0)
    one, two = new_colors(rng, 2, style.colors)
    step = f"fill_holes_by_parity(grid, {name_of(one)}, {name_of(two)})"
    return draft("holes, even, odd", step, scenes(rng, style, (frame(3, 7, 0.8),), 2, 4))


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
    return draft("corner, ray", steps, inputs)


FAMILIES = [
    Family(name="fill holes", draw=_fill_holes, weight=2.0, second=False),
    Family(name="fill holes by side", draw=_holes_by_side, weight=0.5, second=False),
    Family(name="fill frame with its mark", draw=_own_mark, weight=0.6, second=False),
    Family(name="fill open frame", draw=_leak, weight=0.5, second=False),
    Family(name="fill inside", draw=_inside, weight=2.0),
    Family(name="outline", draw=_outline, weight=1.5),
    Family(name="surround dots", draw=_surround, weight=1.5, second=False),
    Family(name="rays", draw=_rays, weight=2.0),
    Family(name="connect diagonally", draw=_diagonal_links, weight=0.6, second=False),
    Family(name="connect at a corner", draw=_corner_links, weight=0.6, second=False),
    Family(name="fill between dots", draw=_between_dots, weight=0.6, second=False),
    Family(name="fill empty squares", draw=_empty_squares, weight=0.6),
    Family(name="lines through centers", draw=_center_lines, weight=0.6),
    Family(name="bridge objects", draw=_bridges, weight=0.6, second=False),
    Family(name="mark corners", draw=_corners, weight=0.4),
    Family(name="mark the middle", draw=_midpoint, weight=0.4, second=False),
    Family(name="outline and fill", draw=_outline_and_fill, weight=0.4, second=False),
    Family(name="extend tails", draw=_tails, weight=0.6, second=False),
    Family(name="four colors around", draw=_four, weight=0.3, second=False),
    Family(name="fill holes by parity", draw=_parity, weight=0.4, second=False),
    Family(name="recolor large regions", draw=_large_regions, weight=0.5, second=False),
    Family(name="noise of one color", draw=_one_color_noise, weight=0.6, second=False),
    Family(name="ray from a corner", draw=_corner_ray, weight=0.5, second=False),
]
