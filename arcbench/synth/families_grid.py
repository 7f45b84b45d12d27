"""Families on the whole grid: flips, turns, tilings, scalings, crops and shifts."""

import numpy as np

from arcbench.dsl.concepts._types import Array
from arcbench.synth.drafts import (
    COLORS,
    CORNERS,
    DIRECTIONS,
    SIDES,
    draft,
    grids_up_to,
    one_of,
    other_step,
)
from arcbench.synth.family import RNG, Draft, Family
from arcbench.synth.inputs import (
    Draw,
    any_grids,
    between,
    blank,
    chance,
    draw_style,
    noise_grids,
    paint_noise,
    paint_rectangles,
    paint_sprites,
    pick,
    scene_grids,
    sprite,
)


def _repeat(rng: RNG) -> Draft:
    rows, columns = pick(rng, [(2, 2), (1, 2), (2, 1), (3, 3), (1, 3), (3, 1), (2, 3), (3, 2)])
    high = 9 if rows * columns <= 4 else 5
    style = draw_style(rng, 2, high, black=0.85, same_size=0.7)
    return draft("tiling", f"repeat(grid, {rows}, {columns})", any_grids(rng, style))


def _tile_flipped(rng: RNG) -> Draft:
    name = pick(rng, ["tile_flipped_rows", "tile_checkered_flip"])
    rows, columns = pick(rng, [(3, 3), (3, 3), (2, 2), (2, 3), (3, 2), (4, 4)])
    style = draw_style(rng, 2, 4, black=0.7, same_size=0.9)
    return draft("tiling, flip", f"{name}(grid, {rows}, {columns})", noise_grids(rng, style))


def _concat(rng: RNG) -> Draft:
    other = pick(
        rng,
        ["flip_horizontal(grid)", "flip_vertical(grid)", "rotate_180(grid)", "transpose(grid)",
         "rotate_clockwise(grid)"],
    )  # fmt: skip
    joined = pick(rng, ["concat_horizontal", "concat_vertical"])
    if other.removeprefix("flip_").startswith(joined.removeprefix("concat_")):
        other = "rotate_180(grid)"  # with the flip it would be `mirror`, which has its own family
    first, second = ("grid", other) if chance(rng, 0.7) else (other, "grid")
    style = draw_style(rng, 2, 7, black=0.8, square=0.9, same_size=0.7)
    return draft("concatenate, flip", f"{joined}({first}, {second})", any_grids(rng, style))


def _upscale(rng: RNG) -> Draft:
    kind = rng.random()
    if kind < 0.6:
        factor = pick(rng, [2, 2, 2, 3, 3, 4, 5])
        style = draw_style(rng, 2, max(3, 14 // factor), black=0.9, same_size=0.7)
        return draft("scale", f"upscale(grid, {factor})", any_grids(rng, style))
    axis, factor = pick(rng, ['"horizontal"', '"vertical"']), pick(rng, [2, 2, 3])
    style = draw_style(rng, 2, 8, same_size=0.7)
    return draft("scale", f"stretch(grid, {axis}, {factor})", any_grids(rng, style))


def _upscale_by_count(rng: RNG) -> Draft:
    by_color = chance(rng, 0.5)
    style = draw_style(rng, 2, 4, colors=(4, 6), square=0.9, same_size=0.9, black=1.0)

    def draw_input(rng: RNG) -> Array:
        grid = blank(rng, style)
        if by_color:
            used = style.colors[: between(rng, 1, 4)]
            for i in rng.permutation(grid.size)[: between(rng, len(used), 6)].tolist():
                grid.flat[i] = pick(rng, used)
        else:
            color = style.color(rng)
            for i in rng.permutation(grid.size)[: between(rng, 2, 5)].tolist():
                grid.flat[i] = color
        return grid

    name = "upscale_by_color_count" if by_color else "upscale_by_cell_count"
    return draft("scale, count", f"{name}(grid)", draw_input)


def _downscale(rng: RNG) -> Draft:
    style = draw_style(rng, 2, 6, black=0.8)
    inner = any_grids(rng, style)
    factor = 0 if chance(rng, 0.5) else pick(rng, [2, 3, 4])

    def draw_input(rng: RNG) -> Array:
        grid = inner(rng)
        k = factor or between(rng, 2, 4)
        return np.array(grid.repeat(k, 0).repeat(k, 1))

    step = f"downscale(grid, {factor})" if factor else "scale_to_cell_blocks(grid)"
    return draft("scale down", step, draw_input)


def _fractal(rng: RNG) -> Draft:
    kind = rng.random()
    colors = (1, 1) if kind < 0.5 else (2, 4)
    side = 3 if chance(rng, 0.8) else pick(rng, [2, 4])
    style = draw_style(rng, side, side, colors, black=1.0, same_size=1.0, square=1.0)
    density = float(rng.uniform(0.4, 0.7))
    if kind < 0.35:
        return draft("fractal", "fractal(grid)", noise_grids(rng, style, density))
    if kind < 0.5:
        return draft("fractal", "fractal_inverse(grid)", noise_grids(rng, style, density))
    draw_input = noise_grids(rng, style, pick(rng, [1.0, density]))
    if kind < 0.65:
        step = f"fractal_of_color(grid, {COLORS[style.color(rng)]})"
        return draft("fractal, color", step, draw_input)
    which = pick(rng, ["most", "least"])
    return draft("fractal, color count", f"fractal_of_{which}_common(grid)", draw_input)


def _content(rng: RNG) -> Draw:
    """One figure, or a few, on a larger background."""
    style = draw_style(rng, 6, 16, black=0.75)
    many = chance(rng, 0.5)

    def draw_input(rng: RNG) -> Array:
        grid = blank(rng, style)
        height = between(rng, 2, max(2, len(grid) - 3))
        width = between(rng, 2, max(2, grid.shape[1] - 3))
        colors = style.colors if many else [style.color(rng)]
        part = sprite(rng, min(height, 8), min(width, 8), colors, ground=style.background)
        row = between(rng, 0, len(grid) - len(part))
        column = between(rng, 0, grid.shape[1] - part.shape[1])
        grid[row : row + len(part), column : column + part.shape[1]] = part
        return grid

    return draw_input


def _crop_color(rng: RNG) -> Draft:
    """A box or frame of a colour, filled with something, among other things."""
    style = draw_style(rng, 7, 15, (2, 5), black=0.85)
    color, others = style.colors[0], style.colors[1:]
    hollow = chance(rng, 0.6)
    corners = chance(rng, 0.25)
    clutter = 0.0 if chance(rng, 0.4) else float(rng.uniform(0.05, 0.5))

    def draw_input(rng: RNG) -> Array:
        grid = blank(rng, style)
        paint_noise(rng, grid, others, clutter)
        height = between(rng, 3, min(8, len(grid) - 1))
        width = between(rng, 3, min(8, grid.shape[1] - 1))
        row = between(rng, 0, len(grid) - height)
        column = between(rng, 0, grid.shape[1] - width)
        box = grid[row : row + height, column : column + width]
        if corners:
            for r, c in ((0, 0), (0, -1), (-1, 0), (-1, -1)):
                box[r, c] = color
        elif hollow:
            box[0], box[-1], box[:, 0], box[:, -1] = (color,) * 4
        else:
            paint_noise(rng, box, [color], 0.6)
            box[between(rng, 0, height - 1), [0, -1]] = color
            box[[0, -1], between(rng, 0, width - 1)] = color
        if hollow and not clutter:
            paint_noise(rng, box[1:-1, 1:-1], others, 0.5)
        return grid

    steps = [f"crop_to_color(grid, {COLORS[color]})"]
    if (hollow or corners) and chance(rng, 0.5):
        steps.append("remove_border(grid)")
    return draft("crop", steps, draw_input)


def _crop_corner(rng: RNG) -> Draft:
    size = pick(rng, [2, 2, 3, 3, 3, 4, 5])
    style = draw_style(rng, size + 1, 14, black=0.8)
    step = f"crop_corner(grid, {pick(rng, CORNERS)}, {size})"
    return draft("crop, corner", step, any_grids(rng, style))


def _halves(rng: RNG) -> Draft:
    steps = ["left_half(grid)", "right_half(grid)", "top_half(grid)", "bottom_half(grid)"]
    step = pick(rng, [*steps, "half(grid)", "third(grid)"])
    style = draw_style(rng, 3, 14, black=0.8)
    inner = any_grids(rng, style)
    repeats = chance(rng, 0.3)  # the halves (thirds) are equal

    def draw_input(rng: RNG) -> Array:
        grid = inner(rng)
        if step == "third(grid)":
            grid = np.hstack([grid[:, : max(1, grid.shape[1] // 2)]] * 3)
            if not repeats:
                grid[:, len(grid) :] = rng.permutation(grid[:, len(grid) :].ravel()).reshape(
                    grid[:, len(grid) :].shape
                )
            return grid if chance(rng, 0.6) or grid.shape[1] <= len(grid) else np.array(grid.T)
        if repeats and step == "half(grid)":
            grid = grid[:, : max(2, grid.shape[1] // 2 + 1)]
            grid = np.hstack((grid, grid)) if 2 * grid.shape[1] > len(grid) else grid
            return grid if chance(rng, 0.5) or grid.shape[1] <= len(grid) else np.array(grid.T)
        return grid

    rival = other_step(step, steps) if step == "half(grid)" else None
    return draft("crop, halves", step, draw_input, rival)


def _remove_border(rng: RNG) -> Draft:
    style = draw_style(rng, 5, 15, black=0.7)
    inner = any_grids(rng, style)
    width = 1 if chance(rng, 0.8) else 2
    color = style.color(rng)
    framed = chance(rng, 0.5)

    def draw_input(rng: RNG) -> Array:
        grid = inner(rng)
        return np.pad(grid[2:-2, 2:-2], width, constant_values=color) if framed else grid

    step = "remove_border(grid)" if width == 1 else "remove_border(grid, 2)"
    return draft("crop, border", step, draw_input)


def _add_border(rng: RNG) -> Draft:
    style = draw_style(rng, 2, 10, exclude=(between(rng, 1, 9),))
    width = 1 if chance(rng, 0.8) else 2
    color = pick(rng, [c for c in range(10) if c not in (*style.colors, style.background)])
    end = "" if width == 1 else f", {width}"
    step = f"add_border(grid, {COLORS[color]}{end})"
    return draft("border", step, any_grids(rng, style))


def _shift(rng: RNG) -> Draft:
    name, steps = pick(rng, ["shift", "roll"]), pick(rng, [1, 1, 1, 2, 2, 3])
    style = draw_style(rng, 3, 12)
    draw_input = any_grids(rng, style) if chance(rng, 0.6) else scene_grids(rng, style)
    end = "" if steps == 1 else f", {steps}"
    return draft("shift", f"{name}(grid, {pick(rng, DIRECTIONS)}{end})", draw_input)


def _crop_and_change(rng: RNG) -> Draft:
    """Crop to the content, then one more move: a frequent pair."""
    then = pick(
        rng,
        ["flip_horizontal(grid)", "flip_vertical(grid)", "rotate_180(grid)", "transpose(grid)",
         "rotate_clockwise(grid)", "upscale(grid, 2)", "mirror(grid)", 'mirror(grid, "bottom")',
         "repeat(grid, 1, 2)", "repeat(grid, 2, 1)", "left_half(grid)", "top_half(grid)"],
    )  # fmt: skip
    return draft("crop, transform", ["crop_to_content(grid)", then], _content(rng))


def _extend_canvas(rng: RNG) -> Draft:
    style = draw_style(rng, 2, 7, same_size=0.7)
    rows, columns = pick(rng, [(2, 2), (2, 2), (1, 2), (2, 1), (3, 3)])
    return draft("canvas", f"extend_canvas(grid, {rows}, {columns})", any_grids(rng, style))


def _boxes(rng: RNG) -> Draw:
    """Several boxes or figures, so that the content is spread out."""
    style = draw_style(rng, 8, 18, (1, 4), black=0.8)
    boxes = chance(rng, 0.5)

    def draw_input(rng: RNG) -> Array:
        grid = blank(rng, style)
        if boxes:
            paint_rectangles(rng, grid[2:-2, 2:-2], style.colors, between(rng, 1, 3), 2, 5)
        else:
            paint_sprites(rng, grid, style.colors, between(rng, 1, 3))
        return grid

    return draw_input


FAMILIES = [
    one_of(
        "flip",
        "flip",
        ["flip_horizontal(grid)", "flip_vertical(grid)", "transpose(grid)",
         "flip_antidiagonal(grid)"],
        grids_up_to(13),
        weight=1.3,
    ),
    one_of(
        "rotate",
        "rotation",
        ["rotate_clockwise(grid)", "rotate_counterclockwise(grid)", "rotate_180(grid)"],
        grids_up_to(13),
    ),
    one_of(
        "mirror", "mirror, concatenate", [f"mirror(grid, {side})" for side in SIDES],
        grids_up_to(9, 2),
    ),
    one_of(
        "mirror_four",
        "kaleidoscope",
        ["mirror_four(grid)", "mirror_four(grid)", "mirror_four_centered(grid)"],
        grids_up_to(7, 2),
    ),
    one_of(
        "rotate_four", "rotation, concatenate", ["rotate_four(grid)", "rotate_four(grid, False)"],
        grids_up_to(7, 2, square=1.0), weight=0.7,
    ),
    Family(name="repeat", draw=_repeat),
    Family(name="tile_flipped", draw=_tile_flipped, weight=0.5),
    Family(name="concat", draw=_concat, weight=0.7),
    Family(name="upscale", draw=_upscale),
    Family(name="upscale_by_count", draw=_upscale_by_count, weight=0.8),
    Family(name="downscale", draw=_downscale, weight=0.8),
    Family(name="fractal", draw=_fractal, weight=2.5, second=False, tied=True),
    one_of("crop_to_content", "crop", ["crop_to_content(grid)"], _content, weight=1.0),
    one_of("crop_to_boxes", "crop", ["crop_to_content(grid)"], _boxes, weight=0.4),
    Family(name="crop_to_color", draw=_crop_color, weight=1.2),
    Family(name="crop_corner", draw=_crop_corner, weight=0.8),
    Family(name="halves", draw=_halves),
    Family(name="remove_border", draw=_remove_border, weight=0.6),
    Family(name="add_border", draw=_add_border, weight=0.6),
    Family(name="shift", draw=_shift),
    Family(name="crop_and_change", draw=_crop_and_change),
    Family(name="extend_canvas", draw=_extend_canvas, weight=0.5),
]  # fmt: skip
