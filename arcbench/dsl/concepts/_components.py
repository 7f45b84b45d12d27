"""Connected components and what can be said of them; shared by the object concepts."""

from collections import Counter
from collections.abc import Callable
from functools import cached_property
from typing import Literal

import numpy as np

from arcbench.dsl.common._cells import components
from arcbench.dsl.concepts._types import AnyArray, Array
from arcbench.dsl.concepts.geometry import background_of

# What belongs together: cells of one colour or of any, diagonal neighbours too or ("_4") not.
Kind = Literal["same_color", "same_color_4", "any_color", "any_color_4"]
Which = Literal[
    "largest", "smallest", "largest_box", "tallest", "widest", "top", "bottom", "left", "right",
    "most_colors", "fewest_colors", "most_marks", "fewest_marks", "unique_color", "unique_shape",
    "unique_size", "common_color", "common_shape", "repeated_shape", "symmetric", "asymmetric",
    "hollow", "solid", "most_holes", "square", "rectangle", "not_rectangle", "line", "dot",
    "not_dot", "bordering", "inner", "densest", "sparsest", "multicolor", "one_color",
]  # fmt: skip


class Thing:
    """A connected set of cells of a grid."""

    def __init__(self, grid: AnyArray, flat: list[int], background: int) -> None:
        self.grid = grid
        self.flat = flat  # indices into grid.ravel()
        self.background = background
        self.size = len(flat)
        width = int(grid.shape[1])
        self.top: int
        self.left: int
        self.bottom: int
        self.right: int
        if len(flat) == 1:
            self.top, self.left = self.bottom, self.right = divmod(flat[0], width)
            return
        self.top = min(flat) // width
        self.bottom = max(flat) // width
        columns = [i % width for i in flat]
        self.left = min(columns)
        self.right = max(columns)

    @property
    def height(self) -> int:
        """Rows of the box."""
        return self.bottom - self.top + 1

    @property
    def width(self) -> int:
        """Columns of the box."""
        return self.right - self.left + 1

    @property
    def box(self) -> tuple[slice, slice]:
        """The bounding box as an index."""
        return slice(self.top, self.bottom + 1), slice(self.left, self.right + 1)

    @cached_property
    def counts(self) -> Counter[int]:
        """How many cells of each colour."""
        return Counter(self.grid.take(self.flat).tolist())

    @cached_property
    def color(self) -> int:
        """The most common colour (the smaller one of two)."""
        if self.size == 1:
            return int(self.grid[self.top, self.left])
        counts = self.counts
        return min(counts, key=lambda c: (-counts[c], c)) if len(counts) > 1 else next(iter(counts))

    @property
    def mark_color(self) -> int:
        """The least common colour (the larger one of two)."""
        return min(self.counts, key=lambda c: (self.counts[c], -c))

    @cached_property
    def mask(self) -> Array:
        """1 for its cells, within the box."""
        if self.is_full:
            return np.ones((self.height, self.width), dtype=np.int64)
        width = self.grid.shape[1]
        rows = np.zeros((self.height, width), dtype=np.int64)
        rows.ravel()[np.array(self.flat) - self.top * width] = 1
        return rows[:, self.left : self.right + 1].copy()

    @cached_property
    def patch(self) -> Array:
        """Its cells on background, cropped to the box."""
        if self.is_full:
            return np.array(self.grid[self.box])
        return np.where(self.mask == 1, self.grid[self.box], self.background)

    @cached_property
    def shape_key(self) -> tuple[int, bytes]:
        """Equal for objects of one form, turned or not, in any colours."""
        return self.width, self.mask.tobytes()

    @cached_property
    def holes(self) -> int:
        """Background regions that it encloses: by Euler's formula, as it is connected."""
        if self.is_full or min(self.height, self.width) < 3:
            return 0
        cells = np.zeros((self.height + 2, self.width + 2), dtype=bool)
        cells[1:-1, 1:-1] = self.mask
        rows, columns = cells[1:] | cells[:-1], cells[:, 1:] | cells[:, :-1]
        corners = rows[:, 1:] | rows[:, :-1]
        edges = np.count_nonzero(rows) + np.count_nonzero(columns)
        return int(1 - (np.count_nonzero(corners) - edges + self.size))

    @property
    def touches_border(self) -> bool:
        """Whether a cell lies at the edge of the grid."""
        height, width = self.grid.shape
        return bool(
            self.top == 0 or self.left == 0 or self.bottom == height - 1 or self.right == width - 1
        )

    @property
    def is_symmetric(self) -> bool:
        """Whether the patch is its own mirror image, left to right or top down."""
        if self.size == 1:
            return True
        p = self.patch
        return bool((p == p[:, ::-1]).all() or (p == p[::-1]).all())

    @property
    def is_full(self) -> bool:
        """Whether it fills its box."""
        return self.size == self.height * self.width


def things(grid: AnyArray, kind: Kind = "same_color", background: int | None = None) -> list[Thing]:
    """The objects of the grid in reading order of their first cells."""
    ground = background_of(grid) if background is None else background
    filled = grid != ground
    keys = grid if kind.startswith("same") else filled
    parts = components(keys, filled, connectivity=4 if kind.endswith("4") else 8)
    return [Thing(grid, part, ground) for part in parts]


def regions(grid: AnyArray, color: int, diagonal: bool = False) -> list[list[int]]:
    """The connected regions of one colour as indices into `grid.ravel()`."""
    return components(grid, grid == color, connectivity=8 if diagonal else 4)


def enclosed(grid: AnyArray, color: int, diagonal: bool = False) -> list[Thing]:
    """The regions of the colour that don't touch the edge of the grid."""
    found = [Thing(grid, part, color) for part in regions(grid, color, diagonal)]
    return [thing for thing in found if not thing.touches_border]


def paint(out: Array, thing: Thing, color: int) -> None:
    """Give the cells of the thing a colour, in place."""
    out.ravel()[thing.flat] = color


def _extreme(key: Callable[[Thing], float]) -> Callable[[list[Thing]], list[Thing]]:
    def choose(found: list[Thing]) -> list[Thing]:
        values = [key(thing) for thing in found]
        most = max(values)
        return [t for t, v in zip(found, values, strict=True) if v == most]

    return choose


def _those(test: Callable[[Thing], bool]) -> Callable[[list[Thing]], list[Thing]]:
    return lambda found: [thing for thing in found if test(thing)]


def _once(
    key: Callable[[Thing], object], once: bool = True
) -> Callable[[list[Thing]], list[Thing]]:
    def choose(found: list[Thing]) -> list[Thing]:
        keys = [key(thing) for thing in found]
        counts = Counter(keys)
        return [t for t, k in zip(found, keys, strict=True) if (counts[k] == 1) == once]

    return choose


def _common(key: Callable[[Thing], object]) -> Callable[[list[Thing]], list[Thing]]:
    def choose(found: list[Thing]) -> list[Thing]:
        keys = [key(thing) for thing in found]
        best = Counter(keys).most_common(1)[0][0]
        return [t for t, k in zip(found, keys, strict=True) if k == best]

    return choose


CHOOSERS: dict[str, Callable[[list[Thing]], list[Thing]]] = {
    "largest": _extreme(lambda t: t.size),
    "smallest": _extreme(lambda t: -t.size),
    "largest_box": _extreme(lambda t: t.height * t.width),
    "tallest": _extreme(lambda t: t.height),
    "widest": _extreme(lambda t: t.width),
    "top": _extreme(lambda t: -t.top),
    "bottom": _extreme(lambda t: t.bottom),
    "left": _extreme(lambda t: -t.left),
    "right": _extreme(lambda t: t.right),
    "most_colors": _extreme(lambda t: len(t.counts)),
    "fewest_colors": _extreme(lambda t: -len(t.counts)),
    "most_marks": _extreme(lambda t: t.size - t.counts[t.color]),
    "fewest_marks": _extreme(lambda t: t.counts[t.color] - t.size),
    "unique_color": _once(lambda t: t.color),
    "unique_shape": _once(lambda t: t.shape_key),
    "unique_size": _once(lambda t: t.size),
    "common_color": _common(lambda t: t.color),
    "common_shape": _common(lambda t: t.shape_key),
    "repeated_shape": _once(lambda t: t.shape_key, once=False),
    "symmetric": _those(lambda t: t.is_symmetric),
    "asymmetric": _those(lambda t: not t.is_symmetric),
    "hollow": _those(lambda t: t.holes > 0),
    "solid": _those(lambda t: t.holes == 0),
    "most_holes": _extreme(lambda t: t.holes),
    "square": _those(lambda t: t.is_full and t.height == t.width),
    "rectangle": _those(lambda t: t.is_full),
    "not_rectangle": _those(lambda t: not t.is_full),
    "line": _those(lambda t: t.is_full and min(t.height, t.width) == 1 and t.size > 1),
    "dot": _those(lambda t: t.size == 1),
    "not_dot": _those(lambda t: t.size > 1),
    "bordering": _those(lambda t: t.touches_border),
    "inner": _those(lambda t: not t.touches_border),
    "densest": _extreme(lambda t: t.size / (t.height * t.width)),
    "sparsest": _extreme(lambda t: -t.size / (t.height * t.width)),
    "multicolor": _those(lambda t: len(t.counts) > 1),
    "one_color": _those(lambda t: len(t.counts) == 1),
}


def choose(grid: AnyArray, which: Which, kind: Kind) -> tuple[list[Thing], list[Thing]]:
    """The objects that `which` names and all objects; both empty on an empty grid."""
    found = things(grid, kind)
    return (CHOOSERS[which](found) if found else []), found
