"""What the library's fastest definitions are in programs that are written out: short and plain.

They do the same as the library's own, which are several times as fast and as long.
"""

from collections import Counter
from functools import cached_property

import numpy as np

from arcbench.dsl.concepts._components import regions
from arcbench.dsl.concepts._types import AnyArray, Array
from arcbench.dsl.concepts.geometry import background_of
from arcbench.dsl.concepts.symmetry import Kind, _images


def components(keys: AnyArray, foreground: AnyArray, connectivity: int) -> list[list[int]]:
    """Connected cells with equal keys, as lists of indices into keys.ravel()."""
    steps = [(-1, 0), (1, 0), (0, -1), (0, 1)]
    if connectivity == 8:
        steps += [(-1, -1), (-1, 1), (1, -1), (1, 1)]
    height, width = keys.shape
    seen = ~foreground
    parts: list[list[int]] = []
    for start in np.argwhere(foreground).tolist():
        part = [tuple(start)] if not seen[tuple(start)] else []
        seen[tuple(start)] = True
        for row, column in part:
            for down, right in steps:
                r, c = row + down, column + right
                if 0 <= r < height and 0 <= c < width and not seen[r, c]:  # noqa: SIM102  (short lines)
                    if keys[r, c] == keys[row, column]:
                        seen[r, c] = True
                        part.append((r, c))
        if part:
            parts.append([r * width + c for r, c in part])
    return parts


class Thing:
    """A connected set of cells of a grid."""

    def __init__(self, grid: AnyArray, flat: list[int], background: int) -> None:
        self.grid = grid
        self.flat = flat  # indices into grid.ravel()
        self.background = background
        self.size = len(flat)
        width = int(grid.shape[1])
        self.top: int = min(flat) // width
        self.bottom: int = max(flat) // width
        columns = [i % width for i in flat] if len(flat) > 1 else (flat[0] % width,)
        self.left: int = min(columns)
        self.right: int = max(columns)

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
        width = self.grid.shape[1]
        item = self.grid.item
        return Counter(item(i // width, i % width) for i in self.flat)

    @cached_property
    def color(self) -> int:
        """The most common colour (the smaller one of two)."""
        if self.size == 1:
            return int(self.grid[self.top, self.left])
        return min(self.counts, key=lambda c: (-self.counts[c], c))

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
        out = np.zeros((self.height, self.width), dtype=np.int64)
        inner = out.ravel()
        inner[[(i // width - self.top) * self.width + i % width - self.left for i in self.flat]] = 1
        return out

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
        cells = np.pad(self.mask == 1, 1)
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


def _largest_frame(grid: AnyArray) -> Thing | None:
    """The object with the largest box whose rim is all its own, with something inside."""
    best: Thing | None = None
    for color in np.unique(grid).tolist():
        for part in regions(grid, color):
            if len(part) < 8:
                continue
            thing = Thing(grid, part, 0)
            if thing.height < 3 or thing.width < 3 or thing.is_full:
                continue
            mask = thing.mask
            if not (mask[0].all() and mask[-1].all() and mask[:, 0].all() and mask[:, -1].all()):
                continue
            if best is None or thing.height * thing.width > best.height * best.width:
                best = thing
    return best


def complete_symmetry(grid: AnyArray, kind: Kind = "both") -> Array:
    """Complete a figure that is partly symmetric: find its centre, then fill the missing images.

    The centre is where most cells have all images in their colour and none has one in another.
    """
    ground = background_of(grid)
    content = grid != ground
    cells = np.argwhere(content)
    if len(cells) < 2:
        return np.array(grid)
    height, width = grid.shape
    (top, left), (bottom, right) = cells.min(0).tolist(), cells.max(0).tolist()
    best_score, best = 0, np.array(grid)
    # Sums of opposite indices, that is, twice the centre; only near the middle of the content.
    reach = min(8, max(bottom - top, right - left) // 2 + 2)
    for total_row in range(top + bottom - reach, top + bottom + reach + 1):
        for total_column in range(left + right - reach, left + right + reach + 1):
            if kind in ("all", "diagonal", "quarter_turn") and (total_row - total_column) % 2:
                continue
            reach_row = min(total_row, 2 * (height - 1) - total_row)
            reach_column = min(total_column, 2 * (width - 1) - total_column)
            if reach_row < 0 or reach_column < 0:
                continue
            if kind in ("all", "diagonal", "quarter_turn"):
                reach_row = reach_column = min(reach_row, reach_column)
            rows = slice((total_row - reach_row) // 2, (total_row + reach_row) // 2 + 1)
            columns = slice(
                (total_column - reach_column) // 2, (total_column + reach_column) // 2 + 1
            )
            part, filled = grid[rows, columns], content[rows, columns]
            if int(filled.sum()) < len(cells):
                continue
            clash, whole, whole_orbit = False, np.array(part), filled
            for image in _images(part, kind)[1:]:
                other = image != ground
                clash = clash or bool((filled & other & (part != image)).any())
                whole_orbit = whole_orbit & (part == image)
                whole = np.where(whole == ground, image, whole)
            if clash:
                continue
            # A colour that is symmetric as a whole marks the centre; then the single cells count.
            torn = part[filled & ~whole_orbit]
            marks = int((filled & ~np.isin(part, torn)).sum())
            score = 1 + int(whole_orbit.sum()) + 100 * min(marks, 9)
            if score > best_score:
                best_score, best = score, np.array(grid)
                best[rows, columns] = whole
    return best
