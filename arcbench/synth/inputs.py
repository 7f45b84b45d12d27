"""Random input grids that look like those of ARC: shared by all families.

A `Style` is drawn once a task (colours, sizes, background), then each input is drawn in it.
"""

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from functools import cache
from typing import TypeVar

import numpy as np

from arcbench.dsl.concepts._types import AnyArray, Array

RNG = np.random.Generator
Draw = Callable[[RNG], Array]
T = TypeVar("T")


@dataclass(frozen=True, kw_only=True, slots=True)
class Style:
    """What the inputs of one task have in common."""

    background: int
    colors: tuple[int, ...]  # the colours that are not the background, at least one
    rows: tuple[int, int]  # smallest and largest height
    columns: tuple[int, int]
    square: bool = False

    def shape(self, rng: RNG) -> tuple[int, int]:
        """A height and a width within the limits."""
        rows = between(rng, *self.rows)
        return rows, rows if self.square else between(rng, *self.columns)

    def color(self, rng: RNG) -> int:
        """One of the colours."""
        return pick(rng, self.colors)


def between(rng: RNG, low: int, high: int) -> int:
    """An integer from `low` to `high`, both included."""
    # Several times as fast as rng.integers, whose exactness is not needed for small numbers.
    return low if high <= low else low + int(rng.random() * (high - low + 1))


def pick(rng: RNG, values: Sequence[T]) -> T:
    """One of the values."""
    return values[int(rng.random() * len(values))]


def chance(rng: RNG, p: float) -> bool:
    """True with probability `p`."""
    return bool(rng.random() < p)


def distinct_colors(rng: RNG, count: int, exclude: Sequence[int] = ()) -> list[int]:
    """`count` different colours, none of `exclude`."""
    return [c for c in rng.permutation(10).tolist() if c not in exclude][:count]


def draw_side(rng: RNG, low: int, high: int) -> int:
    """A side length: mostly small to middle, as in ARC."""
    return low + int((high - low + 1) * min(0.999, rng.beta(1.1, 2.0)))


# A quarter of ARC's grids have more than 200 cells; families name the sides of the usual ones.
STRETCHABLE = 12  # styles that reach this side may be stretched, others grow in the program
STRETCH_SHARE = 0.42
LARGEST = 30
TYPICAL = ((10, 0.17), (3, 0.08))  # sides that are by far the most frequent in ARC, and shares
COLORFUL_SHARE = 0.2  # of the styles whose number of colours is free


def draw_style(
    rng: RNG,
    low: int = 3,
    high: int = 18,
    colors: tuple[int, int] = (1, 4),
    black: float = 0.9,
    square: float = 0.4,
    same_size: float = 0.5,
    exclude: Sequence[int] = (),
) -> Style:
    """A style: sides `low`–`high`, `colors` foreground colours, black ground with chance `black`.

    With chance `same_size` all inputs of the task have one size; `exclude` names colours that
    must not occur. Styles that reach STRETCHABLE are often stretched up to LARGEST.
    """
    if high >= STRETCHABLE and chance(rng, STRETCH_SHARE):
        low, high = max(low, 10), LARGEST
    background = 0
    if 0 in exclude or not chance(rng, black):
        background = distinct_colors(rng, 1, exclude)[0]
    count = between(rng, *colors)
    if colors[1] - colors[0] >= 2 and chance(rng, COLORFUL_SHARE):
        count = between(rng, colors[1], 5)  # four are left for what a program adds
    palette = tuple(distinct_colors(rng, count, (background, 0, *exclude)))
    is_square = chance(rng, square)
    height = draw_side(rng, low, high)
    width = height if is_square else draw_side(rng, low, high)
    if not is_square and chance(rng, 0.6):  # sides are rarely very different
        width = max(low, min(high, height + between(rng, -3, 3)))
    typical = next((s for s, share in TYPICAL if low <= s <= high and chance(rng, share)), 0)
    if typical:
        rows, columns, is_square = (typical, typical), (typical, typical), True
    elif chance(rng, same_size):
        rows, columns = (height, height), (width, width)
    else:
        spread = between(rng, 1, 4)
        rows = (max(low, height - spread), min(high, height + spread))
        columns = (max(low, width - spread), min(high, width + spread))
    return Style(
        background=background, colors=palette, rows=rows, columns=columns, square=is_square
    )


def blank(rng: RNG, style: Style) -> Array:
    """A grid of background only."""
    return filled(*style.shape(rng), style.background)


def filled(height: int, width: int, color: int) -> Array:
    """A grid of one colour: np.full, which takes three times as long."""
    out = np.empty((height, width), dtype=np.int64)
    out.fill(color)
    return out


def has_any(mask: AnyArray) -> bool:
    """Whether a small bool array has a true cell: mask.any() takes several times as long."""
    return 1 in mask.tobytes()


def same_cells(one: AnyArray, other: AnyArray) -> bool:
    """Whether two grids are the same: np.array_equal, which takes three times as long."""
    return one.shape == other.shape and not has_any(one != other)


def paint_noise(rng: RNG, grid: Array, colors: Sequence[int], density: float) -> None:
    """Give a share `density` of the cells a random one of the colours (in place)."""
    mask = rng.random(grid.shape) < density
    if len(colors) == 1:  # a choice of one draws nothing
        grid[mask] = colors[0]
    else:
        values = np.asarray(colors)[rng.integers(len(colors), size=grid.shape)]
        np.copyto(grid, values, where=mask)


def paint_rectangles(
    rng: RNG, grid: Array, colors: Sequence[int], count: int, low: int = 1, high: int = 6
) -> None:
    """Paint `count` filled boxes, later ones over earlier ones (in place)."""
    for _ in range(count):
        height = between(rng, low, min(high, len(grid)))
        width = between(rng, low, min(high, grid.shape[1]))
        row = between(rng, 0, len(grid) - height)
        column = between(rng, 0, grid.shape[1] - width)
        grid[row : row + height, column : column + width] = pick(rng, colors)


def sprite(rng: RNG, height: int, width: int, colors: Sequence[int], ground: int = 0) -> Array:
    """A small connected figure on `ground` that touches all four sides of its box mostly."""
    out = [ground] * (height * width)  # a list: its items are read and written one by one
    row, column = int(rng.integers(height)), int(rng.integers(width))
    place, ways = row * width + column, _ways(height, width)
    color = pick(rng, colors)
    is_plain = len(colors) == 1
    steps = rng.integers(4, size=3 * height * width).tolist()
    cells = max(2, int(height * width * (0.5 + 0.35 * rng.random())))
    seen = 0
    for step in steps:
        if out[place] == ground:
            out[place] = color if is_plain else pick(rng, colors)
            seen += 1
            if seen >= cells:
                break
        place = ways[place][step]
    return np.array(out, dtype=np.int64).reshape(height, width)


@cache
def _ways(height: int, width: int) -> list[tuple[int, int, int, int]]:
    """From each cell the cells below, above, on the right and on the left; itself at an edge."""
    return [
        (
            place + width if row + 1 < height else place,
            place - width if row else place,
            place + 1 if column + 1 < width else place,
            place - 1 if column else place,
        )
        for place, (row, column) in enumerate(np.ndindex(height, width))
    ]


def paint_sprites(
    rng: RNG, grid: Array, colors: Sequence[int], count: int, low: int = 2, high: int = 4,
    many_colors: float = 0.0,
) -> int:  # fmt: skip
    """Place up to `count` figures that don't touch (in place); how many found a place."""
    taken = np.zeros((grid.shape[0] + 2, grid.shape[1] + 2), dtype=bool)
    placed = 0
    for _ in range(3 * count):
        if placed == count:
            break
        height = between(rng, low, max(1, min(high, len(grid) - 1)))
        width = between(rng, low, max(1, min(high, grid.shape[1] - 1)))
        height, width = min(height, len(grid)), min(width, grid.shape[1])
        row = between(rng, 0, len(grid) - height)
        column = between(rng, 0, grid.shape[1] - width)
        if has_any(taken[row : row + height + 2, column : column + width + 2]):
            continue
        used = colors if chance(rng, many_colors) else [pick(rng, colors)]
        figure = sprite(rng, height, width, used, ground=-1)
        part = grid[row : row + height, column : column + width]
        np.copyto(part, figure, where=figure >= 0)
        taken[row + 1 : row + height + 1, column + 1 : column + width + 1] = True
        placed += 1
    return placed


def noise_grids(rng: RNG, style: Style, density: float | None = None) -> Draw:
    """Inputs of random cells; the density is drawn once a task if it is not given."""
    share = float(rng.uniform(0.25, 1.0)) if density is None else density

    def draw(rng: RNG) -> Array:
        grid = blank(rng, style)
        paint_noise(rng, grid, style.colors, share)
        return grid

    return draw


def dot_grids(rng: RNG, style: Style, low: int = 1, high: int = 6) -> Draw:
    """Inputs with a few single cells, never two that touch at an edge or a corner."""

    def draw(rng: RNG) -> Array:
        grid = blank(rng, style)
        height, width = grid.shape
        dots = between(rng, low, max(low, min(high, height * width // 5)))
        taken = np.zeros((height + 2, width + 2), dtype=bool)
        for _ in range(4 * dots):
            row, column = int(rng.integers(height)), int(rng.integers(width))
            if taken[row + 1, column + 1]:
                continue
            grid[row, column] = style.color(rng)
            taken[row : row + 3, column : column + 3] = True
            dots -= 1
            if not dots:
                break
        return grid

    return draw


def scene_grids(rng: RNG, style: Style, low: int = 1, high: int = 6) -> Draw:
    """Inputs with boxes or connected figures on the background."""
    boxes = chance(rng, 0.4)
    many_colors = 0.5 if chance(rng, 0.3) else 0.0

    def draw(rng: RNG) -> Array:
        grid = blank(rng, style)
        count = between(rng, low, max(low, min(high, grid.size // 12)))
        if boxes:
            paint_rectangles(rng, grid, style.colors, count, high=max(2, min(grid.shape) // 2))
        else:
            paint_sprites(rng, grid, style.colors, count, many_colors=many_colors)
        return grid

    return draw


def any_grids(rng: RNG, style: Style) -> Draw:
    """Inputs of one kind: noise, dots, boxes or figures; the kind is drawn once a task."""
    kind = rng.random()
    if kind < 0.45 or style.rows[1] <= 4:
        return noise_grids(rng, style)
    if kind < 0.6:
        return dot_grids(rng, style)
    return scene_grids(rng, style)


def symmetric(rng: RNG, grid: Array, kind: str) -> Array:
    """The grid made symmetric: "horizontal", "vertical", "both", "rotation" or "diagonal"."""
    out = grid.copy()
    height, width = grid.shape
    if kind in ("horizontal", "both"):
        out[:, (width + 1) // 2 :] = out[:, : width // 2][:, ::-1]
    if kind in ("vertical", "both"):
        out[(height + 1) // 2 :] = out[: height // 2][::-1]
    if kind == "diagonal":
        side = min(height, width)
        out = out[:side, :side]
        out = np.triu(out) + np.triu(out, 1).T
    if kind == "rotation":
        side = min(height, width)
        part = out[: side // 2, : side // 2]
        top = np.hstack((part, np.rot90(part, -1)))
        out = np.vstack((top, np.rot90(top, 2)))
    return out
