"""Random sprites, points and places: what generators of inputs are made of.

The functions draw from the global generators of `random` and numpy, because programs seed those.
"""

import math
import random
from collections.abc import Collection, Iterable, Sequence
from functools import lru_cache
from typing import Any

import numpy as np
from numpy.typing import NDArray

from ._cells import Grid, dilate, steps_of
from .colors import BLACK, Color
from .masks import is_contiguous

_WITH_SQUARES = ("diagonal", "radial")
_SYMMETRIES = ("horizontal", "vertical", "mirror", "not_symmetric", *_WITH_SQUARES)
_TRIES, _TRIES_AS_ASKED = 600, 300


def randomly_scatter_points(
    grid: Grid, color: Any, density: float = 0.5, background: Any = BLACK
) -> Grid:
    """Recolour ceil(density × cells) random background cells in place and return the grid.

    A negative density recolours none. ValueError if the grid has fewer background cells.
    """
    xs, ys = np.nonzero(grid == background)
    count = max(0, math.ceil(density * grid.size))
    if count > len(xs):
        raise ValueError(f"{count} points wanted, {len(xs)} background cells in the grid")
    chosen = np.random.permutation(len(xs))[:count]  # noqa: NPY002
    grid[xs[chosen], ys[chosen]] = color
    return grid


def randomly_spaced_indices(
    max_len: int, n_indices: int, border_size: int = 1, padding: int = 1
) -> NDArray[np.int64]:
    """Return `n_indices` sorted random indices, any two more than `padding` apart.

    They lie in 0…max_len-1 without a border, else in border_size…max_len-3. IndexError if there
    is no room.
    """
    possible = list(range(border_size, max_len - 2) if border_size > 0 else range(max_len))
    chosen: list[int] = []
    for _ in range(n_indices):
        if not possible:
            raise IndexError(f"no room for {n_indices} indices in {max_len}, padding {padding}")
        index = random.choice(possible)
        chosen.append(index)
        possible = [other for other in possible if abs(other - index) > padding]
    return np.array(sorted(chosen), dtype=int)


def random_free_location_for_sprite(
    grid: Grid,
    sprite: Grid,
    background: Any = BLACK,
    border_size: int = 0,
    padding: int = 0,
    padding_connectivity: int = 8,
) -> tuple[int, int]:
    """Return a random (x, y) where the sprite fits inside the border and covers nothing.

    Its cells stay `padding` steps (4- or 8-neighbours) off the grid's. ValueError if there is no
    such place.
    """
    occupied = grid != background
    for _ in range(padding):
        occupied = dilate(occupied, padding_connectivity)
    width, height = sprite.shape
    span_x, span_y = grid.shape[0] - width + 1, grid.shape[1] - height + 1
    free = np.zeros((max(span_x, 0), max(span_y, 0)), dtype=bool)
    free[border_size : span_x - border_size, border_size : span_y - border_size] = True
    if free.any():
        for x, y in np.argwhere(sprite != background).tolist():
            free &= ~occupied[x : x + span_x, y : y + span_y]
    places = np.argwhere(free)
    if len(places) == 0:
        raise ValueError(f"no free place for a {width}×{height} sprite")
    x, y = places[random.randrange(len(places))].tolist()
    return x, y


random_free_location_for_object = random_free_location_for_sprite  # its old name


def random_sprite(
    n: Any,
    m: Any,
    density: float = 0.5,
    symmetry: str | None = None,
    color_palette: Sequence[Any] | None = None,
    connectivity: int = 4,
    background: Any = BLACK,
) -> Grid:
    """Return a random int array (n, m): one component that touches all four sides.

    `n` and `m` may be lists or ranges to draw from. `symmetry` is one of horizontal, vertical,
    mirror, diagonal, radial and not_symmetric (None: any); without a palette there are one or a
    few colours. A draw that does not come out in one piece is thrown away whole, sizes and symmetry
    too; after many of them the density is raised bit by bit. ValueError: unknown symmetry, or no
    such sprite found; IndexError: no square possible.
    """
    steps_of(connectivity)
    widths, heights = _choices(n), _choices(m)
    squares = [(a, b) for a in widths for b in heights if a == b]
    if symmetry is not None and symmetry not in _SYMMETRIES:
        raise ValueError(f"unknown symmetry {symmetry!r}; there are {', '.join(_SYMMETRIES)}")
    kinds = [s for s in _SYMMETRIES if squares or s not in _WITH_SQUARES]
    for attempt in range(_TRIES):
        kind = symmetry or random.choice(kinds)
        if kind in _WITH_SQUARES:
            width, height = random.choice(squares)
        else:
            width, height = random.choice(widths), random.choice(heights)
        raised = max(0, attempt - _TRIES_AS_ASKED) / (_TRIES - _TRIES_AS_ASKED)
        sprite = generate_sprite(
            width,
            height,
            symmetry_type=kind,
            fill_percentage=min(_density(density, width, height) + 2 * raised, 1.0),
            color_palate=color_palette,
            connectivity=connectivity,
            background=background,
        )
        filled = sprite != background
        sides = (filled[0], filled[-1], filled[:, 0], filled[:, -1])
        if all(side.any() for side in sides) and is_contiguous(sprite, background, connectivity):
            return sprite
    raise ValueError(f"no {symmetry or 'random'} sprite {n}×{m} in one piece found")


def _density(wanted: float, width: int, height: int) -> float:
    """The density of one attempt: 1 stays, small sprites are dense, others vary a little."""
    least = min(width, height)
    if least <= 3:
        return {1: 1.0, 2: max(wanted, 0.6), 3: max(wanted, 0.5)}.get(least, 1.0)
    return 1.0 if wanted >= 1 else min(max(random.gauss(wanted, 0.1), 0.4), 0.95)


def _choices(size: Any) -> list[int]:
    """A side length, or several to choose from, as a list."""
    return [int(s) for s in size] if isinstance(size, Iterable) else [int(size)]


def generate_sprite(
    n: int,
    m: int,
    symmetry_type: str,
    fill_percentage: float = 0.5,
    max_colors: int = 9,
    color_palate: Sequence[Any] | None = None,
    connectivity: int = 4,
    background: Any = BLACK,
) -> Grid:
    """Return a random int array (n, m) painted by a random walk and made symmetric.

    It need not reach the sides, and only a mirror sprite is drawn again, in any number of colours,
    until it is in one piece. ValueError: unknown symmetry type, or a diagonal or radial one without
    n == m.
    """
    if symmetry_type not in _SYMMETRIES:
        raise ValueError(f"unknown symmetry {symmetry_type!r}; there are {', '.join(_SYMMETRIES)}")
    if symmetry_type in _WITH_SQUARES and n != m:
        raise ValueError(f"a {symmetry_type} sprite is square, not {n}×{m}")
    for _ in range(_TRIES):
        palette = (
            list(color_palate)
            if color_palate is not None
            else _random_palette(max_colors, background)
        )
        sprite = _draw(n, m, symmetry_type, fill_percentage, palette, connectivity, background)
        if symmetry_type != "mirror" or is_contiguous(sprite, background, connectivity):
            break
        max_colors = 9
    return sprite


def _draw(
    n: int,
    m: int,
    symmetry_type: str,
    fill_percentage: float,
    palette: Sequence[Any],
    connectivity: int,
    background: Any,
) -> Grid:
    """One attempt at a sprite."""
    sprite = np.full((n, m), background, dtype=int)
    start = random.randrange(n), random.randrange(m)
    walked = sprite
    against = random.random() < 0.5  # the other diagonal
    if symmetry_type == "horizontal":
        start = start[0], m // 2
    elif symmetry_type == "vertical":
        start = n // 2, start[1]
    elif symmetry_type == "diagonal":
        start = start[0], n - 1 - start[0] if against else start[0]
    elif symmetry_type in ("mirror", "radial"):
        walked = sprite[: (n + 1) // 2, : (m + 1) // 2]
        start = start[0] // 2, start[1] // 2
        if symmetry_type == "radial":
            start = walked.shape[0] - 1, walked.shape[1] - 1
    _paint_walk(walked, start, fill_percentage, palette, connectivity)
    _make_symmetric(
        sprite, _images_of(np.arange(n * m).reshape(n, m), symmetry_type, against), background
    )
    return sprite


def _random_palette(max_colors: int, background: Any) -> list[int]:
    """One colour other than the background, and one more with probability 0.3 each."""
    count = 1
    while count < max_colors and random.random() < 0.3:
        count += 1
    colors = [color for color in Color.ALL_COLORS if color != background]
    return random.sample(colors, min(count, len(colors)))


def _paint_walk(
    area: Grid,
    start: tuple[int, int],
    share: float,
    palette: Sequence[Any],
    connectivity: int,
) -> None:
    """Walk over neighbours inside the area, in place, until `share` of its cells are painted."""
    near = _neighbors(*area.shape, connectivity)
    at = start[0] * area.shape[1] + start[1]
    color = random.choice(palette)
    painted: dict[int, Any] = {at: color}
    while len(painted) < share * area.size:
        if random.random() < 1 / 3:
            color = random.choice(palette)
        around = near[at]
        # Faster than random.choice: to fill a large sprite takes ten thousands of steps.
        at = around[int(random.random() * len(around))]
        painted[at] = color
    area[np.divmod(list(painted), area.shape[1])] = list(painted.values())


@lru_cache(maxsize=64)
def _neighbors(width: int, height: int, connectivity: int) -> list[list[int]]:
    """For each cell of an area its neighbours inside, as indices in row-major order."""
    steps = steps_of(connectivity)
    return [
        [
            (x + dx) * height + y + dy
            for dx, dy in steps
            if 0 <= x + dx < width and 0 <= y + dy < height
        ]
        for x in range(width)
        for y in range(height)
    ]


def _images_of(index: Grid, symmetry: str, against: bool = False) -> list[Grid]:
    """All images of an array under a symmetry, the array itself first."""
    if symmetry == "horizontal":
        return [index, index[::-1]]
    if symmetry == "vertical":
        return [index, index[:, ::-1]]
    if symmetry == "mirror":
        return [index, index[::-1], index[:, ::-1], index[::-1, ::-1]]
    if symmetry == "diagonal":
        return [index, np.rot90(index, 2).T if against else index.T]
    if symmetry == "radial":
        return [np.rot90(index, turns) for turns in range(4)]
    return [index]


def _make_symmetric(sprite: Grid, images: Collection[Grid], background: Any) -> None:
    """Give all images of a cell one colour, in place: the first one, row-major, that is painted."""
    members = np.sort(np.stack(list(images)), axis=0)
    colors = sprite.flatten()[members]
    first = (colors != background).argmax(axis=0)
    sprite[...] = np.take_along_axis(colors, first[None], axis=0)[0]


def apply_symmetry(sprite: Grid, symmetry_type: str, background: Any = BLACK) -> Grid:
    """Make the sprite 'horizontal' or 'vertical'ly symmetric in place and return it.

    Of two mirrored cells the first one's colour counts, unless it is background. ValueError for
    another type.
    """
    if symmetry_type not in ("horizontal", "vertical"):
        raise ValueError(f"symmetry_type is 'horizontal' or 'vertical', not {symmetry_type!r}")
    index = np.arange(sprite.size).reshape(sprite.shape)
    _make_symmetric(sprite, _images_of(index, symmetry_type), background)
    return sprite


def apply_diagonal_symmetry(sprite: Grid, background: Any = BLACK) -> Grid:
    """Make a square sprite equal to its transpose, in place, and return it.

    Of (x, y) and (y, x), x < y, the first one's colour counts, unless it is background. ValueError
    if the sprite is not square.
    """
    width, height = sprite.shape
    if width != height:
        raise ValueError(f"a diagonally symmetric sprite is square, not {width}×{height}")
    index = np.arange(sprite.size).reshape(sprite.shape)
    _make_symmetric(sprite, _images_of(index, "diagonal"), background)
    return sprite
