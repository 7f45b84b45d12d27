"""Holes filled, interiors coloured, outlines, frames, rays, stamps and lines between things."""

from itertools import pairwise
from typing import Literal

import numpy as np

from arcbench.dsl.common._cells import STEPS_4, STEPS_8, box_of, dilate
from arcbench.dsl.concepts._components import Kind, Thing, things
from arcbench.dsl.concepts._types import AnyArray, Array, Line
from arcbench.dsl.concepts.geometry import background_of

__all__ = [
    "bridge_objects",
    "connect_at_corner",
    "connect_diagonally",
    "draw_corner_ray",
    "draw_frames",
    "draw_lines_through_centers",
    "draw_ray",
    "draw_rays",
    "extend_tails",
    "frame_content",
    "mark_corners_around",
    "mark_midpoint",
    "outline_objects",
    "recolor_half_of_objects",
    "remove_thin_parts",
    "replace_by_neighbors",
    "surround",
    "surround_all",
    "surround_four",
]

Pattern = Literal["plus", "x", "ring", "far_plus", "far_x"]
Ray = Literal[
    "up", "down", "left", "right", "up_left", "up_right", "down_left", "down_right",
    "horizontal", "vertical", "cross", "diagonals", "star",
]  # fmt: skip

_STEPS: dict[str, tuple[tuple[int, int], ...]] = {
    "up": ((-1, 0),),
    "down": ((1, 0),),
    "left": ((0, -1),),
    "right": ((0, 1),),
    "up_left": ((-1, -1),),
    "up_right": ((-1, 1),),
    "down_left": ((1, -1),),
    "down_right": ((1, 1),),
    "horizontal": ((0, -1), (0, 1)),
    "vertical": ((-1, 0), (1, 0)),
    "cross": STEPS_4,
    "diagonals": STEPS_8[4:],
    "star": STEPS_8,
}
_PATTERNS: dict[str, tuple[tuple[int, int], ...]] = {
    "plus": STEPS_4,
    "x": STEPS_8[4:],
    "ring": STEPS_8,
    "far_plus": tuple((2 * r, 2 * c) for r, c in STEPS_4),
    "far_x": tuple((2 * r, 2 * c) for r, c in STEPS_8[4:]),
}


def outline_objects(grid: AnyArray, color: int, diagonal: bool = True) -> Array:
    """Colour the background next to objects; with `diagonal` also at their corners."""
    filled = grid != background_of(grid)
    return np.where(dilate(filled, 8 if diagonal else 4) & ~filled, color, grid)


def draw_frames(grid: AnyArray, color: int, gap: int = 1, kind: Kind = "any_color") -> Array:
    """Draw a frame around the box of every object of more than one cell, on background only.

    `gap` 1 draws next to the box, 2 leaves a cell between, 0 draws on the rim of the box itself.
    """
    ground = background_of(grid)
    out = np.array(grid)
    for thing in things(grid, kind):
        if thing.size < 2:
            continue
        top, left = thing.top - gap, thing.left - gap
        bottom, right = thing.bottom + gap, thing.right + gap
        frame = np.zeros(grid.shape, dtype=bool)
        frame[max(0, top) : bottom + 1, max(0, left) : right + 1] = True
        frame[max(0, top + 1) : max(0, bottom), max(0, left + 1) : max(0, right)] = False
        out[frame & (grid == ground)] = color
    return out


def frame_content(grid: AnyArray, color: int, gap: int = 1) -> Array:
    """Draw one frame around everything, with the box of all content inside."""
    box = box_of(grid != background_of(grid))
    out = np.array(grid)
    if box is None:
        return out
    rows, columns = box
    top, left = rows.start - gap, columns.start - gap
    bottom, right = rows.stop - 1 + gap, columns.stop - 1 + gap
    frame = np.zeros(grid.shape, dtype=bool)
    frame[max(0, top) : bottom + 1, max(0, left) : right + 1] = True
    frame[max(0, top + 1) : max(0, bottom), max(0, left + 1) : max(0, right)] = False
    return np.where(frame & (grid == background_of(grid)), color, out)


def surround(grid: AnyArray, center_color: int, color: int, pattern: Pattern = "ring") -> Array:
    """Stamp a pattern of a colour around every cell of `center_color`, on background only."""
    return _stamp(grid, grid == center_color, color, pattern)


def surround_all(grid: AnyArray, color: int, pattern: Pattern = "ring") -> Array:
    """Stamp a pattern of a colour around every cell that is not background."""
    return _stamp(grid, grid != background_of(grid), color, pattern)


def _stamp(grid: AnyArray, centers: AnyArray, color: int, pattern: Pattern) -> Array:
    ground = background_of(grid)
    height, width = grid.shape
    out = np.array(grid)
    for row, column in np.argwhere(centers).tolist():
        for r, c in _PATTERNS[pattern]:
            r, c = row + r, column + c
            if 0 <= r < height and 0 <= c < width and grid[r, c] == ground:
                out[r, c] = color
    return out


def draw_ray(
    grid: AnyArray, source_color: int, direction: Ray, color: int = -1, through: bool = False
) -> Array:
    """Draw rays from every cell of a colour over background up to the next obstacle or the edge.

    The rays have the `color` (-1: that of the source); with `through` they pass behind obstacles.
    """
    ray_color = source_color if color < 0 else color
    return _rays(grid, grid == source_color, direction, ray_color, through)


def draw_rays(grid: AnyArray, direction: Ray, color: int = -1, through: bool = False) -> Array:
    """Draw rays from every cell that is not background, in its own colour or the one given."""
    return _rays(grid, grid != background_of(grid), direction, color, through)


def _rays(grid: AnyArray, sources: AnyArray, direction: Ray, color: int, through: bool) -> Array:
    free = grid == background_of(grid)
    order = np.where(sources, np.arange(grid.size).reshape(grid.shape), -1)
    # Where rays cross, the one from the last source in reading order is seen.
    reached = np.full(grid.shape, -1)
    for dr, dc in _STEPS[direction]:
        if dr:
            rays = _swept(order, free | through, dr, dc)
        else:
            rays = _swept(order.T, (free | through).T, dc, 0).T
        reached = np.maximum(reached, rays)
    colors = grid.ravel()[reached] if color < 0 else color
    return np.where(free & (reached >= 0), colors, grid)


def _swept(sources: AnyArray, passable: AnyArray, down: int, across: int) -> AnyArray:
    """The highest number whose ray gets to a cell, moving by (down, across); -1 for none."""
    rays = np.full(sources.shape, -1)
    to = slice(max(across, 0), sources.shape[1] + min(across, 0))
    behind = slice(max(-across, 0), sources.shape[1] + min(-across, 0))
    rows = list(range(len(sources)))[::down]
    for before, row in pairwise(rows):
        passed = np.where(passable[before], rays[before], -1)
        rays[row, to] = np.maximum(passed, sources[before])[behind]
    return rays


def connect_diagonally(grid: AnyArray, color: int = -1) -> Array:
    """Fill the diagonal between two cells of one colour with only background between them."""
    ground = background_of(grid)
    height, width = grid.shape
    cells = grid.tolist()
    out = np.array(grid)
    for row, column in np.argwhere(grid != ground).tolist():
        for dc in (-1, 1):
            r, c = row + 1, column + dc
            path = []
            while 0 <= r < height and 0 <= c < width and cells[r][c] == ground:
                path.append((r, c))
                r, c = r + 1, c + dc
            if 0 <= r < height and 0 <= c < width and cells[r][c] == cells[row][column]:
                for at in path:
                    out[at] = cells[row][column] if color < 0 else color
    return out


def connect_at_corner(
    grid: AnyArray, start_color: int, end_color: int, color: int, first: Line = "row"
) -> Array:
    """Draw an L from the cell of one colour to that of another, first along the row or column."""
    out = np.array(grid)
    starts, ends = np.argwhere(grid == start_color), np.argwhere(grid == end_color)
    if not len(starts) or not len(ends):
        return out
    (a, b), (c, d) = starts[0].tolist(), ends[0].tolist()
    row, column = (a, d) if first == "row" else (c, b)
    out[row, min(b, d) : max(b, d) + 1] = color
    out[min(a, c) : max(a, c) + 1, column] = color
    return np.where((grid == start_color) | (grid == end_color), grid, out)


def remove_thin_parts(grid: AnyArray, size: int = 2) -> Array:
    """Keep only what lies in a square of `size` × `size` cells of one colour."""
    ground = background_of(grid)
    out = np.full(grid.shape, ground, dtype=np.int64)
    if not 1 <= size <= min(grid.shape):
        return out
    windows = np.lib.stride_tricks.sliding_window_view(grid, (size, size))
    full = (windows == windows[:, :, :1, :1]).all((2, 3)) & (windows[:, :, 0, 0] != ground)
    for row, column in np.argwhere(full).tolist():
        out[row : row + size, column : column + size] = grid[row, column]
    return out


def draw_lines_through_centers(
    grid: AnyArray, color: int, axis: Literal["horizontal", "vertical", "both"] = "both"
) -> Array:
    """Draw lines through the centre of every object from edge to edge, on background only."""
    ground = background_of(grid)
    out = np.array(grid)
    for thing in things(grid, "any_color"):
        if axis != "vertical":
            out[(thing.top + thing.bottom) // 2] = color
        if axis != "horizontal":
            out[:, (thing.left + thing.right) // 2] = color
    return np.where(grid == ground, out, grid)


def bridge_objects(grid: AnyArray, color: int, inset: int = 1) -> Array:
    """Fill the gap between two facing objects, `inset` cells narrower at both sides."""
    ground = background_of(grid)
    out = np.array(grid)
    for rows, columns in _gaps(grid, things(grid, "any_color"), inset):
        view = out[rows, columns]
        if (view == ground).all():
            view[:] = color
    return out


def _gaps(grid: AnyArray, found: list[Thing], inset: int) -> list[tuple[slice, slice]]:
    """What lies between two things that face each other, where that is background only."""
    if len(found) < 2:
        return []
    boxes_4N = np.array([(t.top, t.bottom, t.left, t.right) for t in found]).T
    first, second = np.triu_indices(len(found), 1)
    top, _, left, _ = np.maximum(boxes_4N[:, first], boxes_4N[:, second])
    _, bottom, _, right = np.minimum(boxes_4N[:, first], boxes_4N[:, second])
    sideways = (top <= bottom) & (left > right)
    facing = sideways | ((left <= right) & (top > bottom))
    spans = np.where(
        sideways,
        (top + inset, bottom + 1 - inset, right + 1, left),
        (bottom + 1, top, left + inset, right + 1 - inset),
    )[:, facing]
    # The cells between two things are counted from the sums over all cells up to a corner.
    height, width = grid.shape
    sums = np.pad((grid != background_of(grid)).cumsum(0).cumsum(1), ((1, 0), (1, 0)))
    limits = np.array([height, height, width, width])[:, None]
    a, b, c, d = np.clip(np.where(spans < 0, spans + limits, spans), 0, limits)
    free = (a < b) & (c < d) & (sums[b, d] - sums[a, d] - sums[b, c] + sums[a, c] == 0)
    return [(slice(a, b), slice(c, d)) for a, b, c, d in spans[:, free].T.tolist()]


def mark_corners_around(
    grid: AnyArray, top_left_color: int, top_right_color: int, bottom_left_color: int,
    bottom_right_color: int,
) -> Array:  # fmt: skip
    """Put four colours diagonally at the corners of every object's box."""
    out = np.array(grid)
    height, width = grid.shape
    for thing in things(grid, "any_color"):
        for row, column, color in (
            (thing.top - 1, thing.left - 1, top_left_color),
            (thing.top - 1, thing.right + 1, top_right_color),
            (thing.bottom + 1, thing.left - 1, bottom_left_color),
            (thing.bottom + 1, thing.right + 1, bottom_right_color),
        ):
            if 0 <= row < height and 0 <= column < width:
                out[row, column] = color
    return out


def mark_midpoint(grid: AnyArray, color: int, pattern: Literal["dot", "plus"] = "plus") -> Array:
    """Mark the middle of the box around all content with a dot or a plus."""
    box = box_of(grid != background_of(grid))
    out = np.array(grid)
    if box is None:
        return out
    row, column = ((span.start + span.stop - 1) // 2 for span in box)
    out[row, column] = color
    if pattern == "plus":
        for r, c in STEPS_4:
            if 0 <= row + r < len(grid) and 0 <= column + c < grid.shape[1]:
                out[row + r, column + c] = color
    return out


def recolor_half_of_objects(
    grid: AnyArray, half: Literal["top", "bottom", "left", "right"], color: int
) -> Array:
    """Recolour the half of every object at one side; the middle line of an odd size stays."""
    out = np.array(grid)
    for thing in things(grid, "same_color"):
        high, wide = thing.height // 2, thing.width // 2
        rows = {"top": slice(0, high), "bottom": slice(thing.height - high, None)}
        columns = {"left": slice(0, wide), "right": slice(thing.width - wide, None)}
        part = (rows.get(half, slice(None)), columns.get(half, slice(None)))
        out[thing.box][part][thing.mask[part] == 1] = color
    return out


def extend_tails(grid: AnyArray) -> Array:
    """Every cell with just one neighbour of its colour draws a ray away from that neighbour."""
    ground = background_of(grid)
    height, width = grid.shape
    cells = grid.tolist()
    out = np.array(grid)
    for row, column in np.argwhere(grid != ground).tolist():
        color = cells[row][column]
        near = [
            (r, c)
            for r, c in STEPS_8
            if 0 <= row + r < height
            and 0 <= column + c < width
            and cells[row + r][column + c] == color
        ]
        if len(near) != 1:
            continue
        dr, dc = -near[0][0], -near[0][1]
        r, c = row + dr, column + dc
        while 0 <= r < height and 0 <= c < width and cells[r][c] == ground:
            out[r, c] = color
            r, c = r + dr, c + dc
    return out


def surround_four(
    grid: AnyArray, center_color: int, up_color: int, right_color: int, down_color: int,
    left_color: int,
) -> Array:  # fmt: skip
    """Put four colours above, right of, below and left of every cell of `center_color`."""
    ground = background_of(grid)
    height, width = grid.shape
    out = np.array(grid)
    colors = (up_color, down_color, left_color, right_color)
    for row, column in np.argwhere(grid == center_color).tolist():
        for (r, c), color in zip(STEPS_4, colors, strict=True):
            r, c = row + r, column + c
            if 0 <= r < height and 0 <= c < width and grid[r, c] == ground:
                out[r, c] = color
    return out


def replace_by_neighbors(grid: AnyArray, color: int) -> Array:
    """Cells of the colour take the main other colour of the cells around them."""
    out = np.array(grid)
    for row, column in np.argwhere(grid == color).tolist():
        near = grid[max(0, row - 1) : row + 2, max(0, column - 1) : column + 2].ravel()
        near = near[near != color]
        if near.size:
            out[row, column] = np.bincount(near).argmax()
    return out


def draw_corner_ray(
    grid: AnyArray,
    source_color: int,
    corner: Literal["top_left", "top_right", "bottom_left", "bottom_right"],
) -> Array:
    """Draw a diagonal ray to the edge from one corner of every object of a colour."""
    ground = background_of(grid)
    height, width = grid.shape
    out = np.array(grid)
    dr = -1 if corner.startswith("top") else 1
    dc = -1 if corner.endswith("left") else 1
    for thing in things(grid, "same_color"):
        if thing.color != source_color:
            continue
        r = (thing.top if dr < 0 else thing.bottom) + dr
        c = (thing.left if dc < 0 else thing.right) + dc
        while 0 <= r < height and 0 <= c < width and grid[r, c] == ground:
            out[r, c] = source_color
            r, c = r + dr, c + dc
    return out
