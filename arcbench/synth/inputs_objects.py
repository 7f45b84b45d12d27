"""Random scenes: figures of chosen kinds placed on a ground so that they don't touch."""

from collections.abc import Callable, Sequence

import numpy as np

from arcbench.dsl.concepts._components import CHOOSERS, Kind, Thing, Which, regions, things
from arcbench.dsl.concepts._types import AnyArray, Array
from arcbench.synth.drafts import COLORS
from arcbench.synth.family import RNG, HasRival, Inputs
from arcbench.synth.inputs import (
    Draw,
    Style,
    between,
    blank,
    chance,
    draw_style,
    filled,
    has_any,
    pick,
    sprite,
)

# Draws a figure in some colours; -1 is transparent.
Maker = Callable[[RNG, Sequence[int]], Array]
TRIES = 8


def name_of(color: int) -> str:
    """The colour as a program writes it."""
    return COLORS[color]


def new_color(rng: RNG, *used: Sequence[int]) -> int:
    """A colour that is none of the used ones, nor black."""
    taken = {0}.union(*used)
    return pick(rng, [c for c in range(1, 10) if c not in taken])


def new_colors(rng: RNG, count: int, *used: Sequence[int]) -> list[int]:
    """Different colours that are none of the used ones, nor black."""
    taken = {0}.union(*used)
    free = [c for c in range(1, 10) if c not in taken]
    return [free[int(i)] for i in rng.permutation(len(free))[:count]]


def blob(low: int = 2, high: int = 4) -> Maker:
    """A connected figure of one colour."""

    def make(rng: RNG, colors: Sequence[int]) -> Array:
        size = between(rng, low, high), between(rng, low, high)
        return sprite(rng, *size, [pick(rng, colors)], ground=-1)

    return make


def many_colored(low: int = 2, high: int = 4) -> Maker:
    """A connected figure of several colours."""

    def make(rng: RNG, colors: Sequence[int]) -> Array:
        size = between(rng, low, high), between(rng, low, high)
        return sprite(rng, *size, colors, ground=-1)

    return make


def box(low: int = 1, high: int = 5) -> Maker:
    """A solid rectangle."""

    def make(rng: RNG, colors: Sequence[int]) -> Array:
        return filled(between(rng, low, high), between(rng, low, high), pick(rng, colors))

    return make


def square(low: int = 2, high: int = 4) -> Maker:
    """A solid square."""

    def make(rng: RNG, colors: Sequence[int]) -> Array:
        side = between(rng, low, high)
        return filled(side, side, pick(rng, colors))

    return make


def frame(low: int = 3, high: int = 6, is_square: float = 0.3, inside: int = -1) -> Maker:
    """A rectangle's rim of one cell."""

    def make(rng: RNG, colors: Sequence[int]) -> Array:
        height, width = between(rng, low, high), between(rng, low, high)
        width = height if chance(rng, is_square) else width
        out = filled(height, width, pick(rng, colors))
        out[1:-1, 1:-1] = inside
        return out

    return make


def open_frame(low: int = 4, high: int = 7) -> Maker:
    """A rim with a gap of one cell in one side."""

    def make(rng: RNG, colors: Sequence[int]) -> Array:
        out = frame(low, high)(rng, colors)
        side = np.rot90(out, between(rng, 0, 3))  # a view: the gap is written through
        side[0, between(rng, 1, side.shape[1] - 2)] = -1
        return out

    return make


def holed(holes: int = 3, low: int = 3) -> Maker:
    """A bar of one to `holes` rims side by side, in any turn: that many holes."""

    def make(rng: RNG, colors: Sequence[int]) -> Array:
        count = between(rng, 1, holes)
        height = between(rng, low, low + 1)
        cell = between(rng, 1, 2)
        out = filled(height, count * (cell + 1) + 1, pick(rng, colors))
        for k in range(count):
            out[1:-1, k * (cell + 1) + 1 : k * (cell + 1) + 1 + cell] = -1
        return np.array(out.T if chance(rng, 0.4) else out)

    return make


def line(low: int = 2, high: int = 6) -> Maker:
    """A straight bar of one cell's width."""

    def make(rng: RNG, colors: Sequence[int]) -> Array:
        out = filled(1, between(rng, low, high), pick(rng, colors))
        return np.array(out.T if chance(rng, 0.5) else out)

    return make


def dot() -> Maker:
    """A single cell."""
    return lambda rng, colors: filled(1, 1, pick(rng, colors))


def symmetric_blob(low: int = 2, high: int = 3, many: bool = False) -> Maker:
    """A connected figure that is its own mirror image."""

    def make(rng: RNG, colors: Sequence[int]) -> Array:
        used = colors if many else [pick(rng, colors)]
        part = sprite(rng, between(rng, low, high + 1), between(rng, 2, high), used, ground=-1)
        other = part[:, ::-1]
        if chance(rng, 0.5) and (part[:, -1] >= 0).any():
            other = other[:, 1:]
        return np.hstack((part, other))

    return make


def marked_box(mark_color: int | None = None, low: int = 3, high: int = 6) -> Maker:
    """A solid rectangle with a few cells of another colour in it."""

    def make(rng: RNG, colors: Sequence[int]) -> Array:
        main = pick(rng, colors)
        out = filled(between(rng, low, high), between(rng, low, high), main)
        rest = [c for c in colors if c != main] or [main]
        mark = pick(rng, rest) if mark_color is None else mark_color
        for _ in range(between(rng, 1, max(1, out.size // 5))):
            out[between(rng, 0, len(out) - 1), between(rng, 0, out.shape[1] - 1)] = mark
        return out

    return make


def copies(maker: Maker, kinds: int = 2) -> Callable[[RNG], Maker]:
    """A maker that repeats the same few figures within one grid; call it once a grid."""

    def start(rng: RNG) -> Maker:
        figures = [maker(rng, [1]) for _ in range(kinds)]

        def make(rng: RNG, colors: Sequence[int]) -> Array:
            figure = figures[0] if chance(rng, 0.7) else pick(rng, figures)
            return np.where(figure >= 0, pick(rng, colors), -1)

        return make

    return start


def place(rng: RNG, grid: Array, taken: AnyArray, figure: Array, gap: int = 1) -> bool:
    """Put a figure on a free place (in place), `gap` cells from others; False if none was found."""
    height, width = figure.shape
    rows, columns = grid.shape[0] - height, grid.shape[1] - width
    if rows < 0 or columns < 0:
        return False
    for _ in range(TRIES):
        row, column = between(rng, 0, rows), between(rng, 0, columns)
        top, left = row - gap, column - gap
        around = taken[
            top if top > 0 else 0 : row + height + gap,
            left if left > 0 else 0 : column + width + gap,
        ]
        if has_any(around):
            continue
        part = grid[row : row + height, column : column + width]
        np.copyto(part, figure, where=figure >= 0)
        taken[row : row + height, column : column + width] = True
        return True
    return False


def paint_figures(
    rng: RNG, grid: Array, makers: Sequence[Maker], colors: Sequence[int], count: int, gap: int = 1
) -> AnyArray:
    """Place up to `count` figures (in place); the mask of their boxes."""
    taken = np.zeros(grid.shape, dtype=bool)
    for _ in range(count):
        place(rng, grid, taken, pick(rng, makers)(rng, colors), gap)
    return taken


def scenes(
    rng: RNG, style: Style, makers: Sequence[Maker], low: int = 2, high: int = 5, gap: int = 1
) -> Draw:
    """Inputs with some figures of the given kinds."""

    def draw(rng: RNG) -> Array:
        grid = blank(rng, style)
        paint_figures(rng, grid, makers, style.colors, between(rng, low, high), gap)
        return grid

    return draw


def until(draw: Draw, is_good: Callable[[Array], bool], tries: int = TRIES) -> Draw:
    """Draw again until the grid is good, a few times at most."""

    def draw_input(rng: RNG) -> Array:
        for _ in range(tries):
            grid = draw(rng)
            if is_good(grid):
                break
        return grid

    return draw_input


def changed_by(draw: Draw, concept: Callable[[AnyArray], AnyArray]) -> Draw:
    """Inputs that the concept changes, if a few tries give one."""
    return until(draw, lambda grid: not np.array_equal(concept(grid), grid))


def has_choice(which: Which, kind: Kind, single: bool, least: int = 2) -> Callable[[Array], bool]:
    """Whether `which` names some objects but not all, with `single` just one."""

    def is_good(grid: Array) -> bool:
        found = things(grid, kind)
        if len(found) < least:
            return False
        chosen = len(CHOOSERS[which](found))
        return chosen == 1 if single else 0 < chosen < len(found)

    return is_good


# What a reader thinks of first comes first.
NATURAL: tuple[Which, ...] = (
    "largest", "smallest", "unique_color", "hollow", "square", "symmetric", "unique_shape",
    "most_colors", "dot", "rectangle", "most_marks", "common_shape", "bordering", "tallest",
    "widest", "top", "bottom", "left", "right", "common_color", "line", "solid", "inner",
    "repeated_shape", "asymmetric", "not_dot", "fewest_colors", "fewest_marks", "most_holes",
    "largest_box", "multicolor", "one_color", "not_rectangle", "unique_size", "sparsest", "densest",
)  # fmt: skip


def more_natural(
    which: Which, kind: Kind = "same_color", only_first: bool = False, region: int | None = None
) -> HasRival:
    """Whether a property before `which` in NATURAL chooses the same objects of the train inputs.

    With `only_first` the first chosen object counts; with `region` the objects are the regions of
    that colour.
    """
    rivals = NATURAL[: NATURAL.index(which)]

    def found_in(grid: Array) -> list[Thing]:
        if region is None:
            return things(grid, kind)
        return [Thing(grid, part, -1) for part in regions(grid, region)]

    def chosen(name: Which, found: list[Thing]) -> list[Thing]:
        those = CHOOSERS[name](found) if found else []
        return those[:1] if only_first else those

    def with_choice(grids: Inputs) -> list[tuple[list[Thing], list[Thing]]]:
        return [(found, chosen(which, found)) for found in map(found_in, grids)]

    def has_rival(train: Inputs, test: Inputs) -> bool:
        shown = with_choice(train)
        fitting = [r for r in rivals if all(chosen(r, found) == own for found, own in shown)]
        if not fitting:
            return False
        asked = with_choice(test)
        return any(chosen(r, found) != own for r in fitting for found, own in asked)

    return has_rival


def object_style(
    rng: RNG, low: int = 8, high: int = 16, colors: tuple[int, int] = (1, 4), black: float = 0.93
) -> Style:
    """A style for scenes: grids large enough for a few objects."""
    return draw_style(rng, low=low, high=high, colors=colors, black=black)
