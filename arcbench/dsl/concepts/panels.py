"""Grids made of panels, with separator lines between them or side by side: combine, choose."""

import numpy as np

from arcbench.dsl.concepts._types import AnyArray, Array
from arcbench.dsl.concepts.geometry import background_of

__all__ = [
    "asymmetric_panel",
    "color_if_panels_equal",
    "fill_fullest_panels",
    "fill_panels",
    "fill_panels_by_count",
    "mark_panels_with_count",
    "odd_panel",
    "overlay_panels",
    "panel",
    "panel_count_grid",
    "panel_with_fewest_cells",
    "panel_with_most_cells",
    "panel_with_most_colors",
    "panels_and",
    "panels_differ",
    "panels_nor",
    "panels_only_first",
    "panels_only_second",
    "panels_or",
    "panels_to_cells",
    "remove_separators",
    "share_panels",
    "symmetric_panel",
]

Span = tuple[int, int]


def _spans(is_line: AnyArray) -> list[Span]:
    """The stretches between separator lines as (start, end)."""
    spans: list[Span] = []
    start: int | None = None
    for i, line in enumerate([*is_line.tolist(), True]):
        if line and start is not None:
            spans.append((start, i))
            start = None
        elif not line and start is None:
            start = i
    return spans


def separator_color(grid: AnyArray) -> int | None:
    """The colour of full rows or columns that part the grid; None where there are none.

    Of several candidates the one is taken that parts the grid into panels of equal size and has
    the largest share of its cells on such lines. Black lines count between dense panels only. A
    grid that is a row of squares has no separators but perfect ones.
    """
    strict = max(grid.shape) % min(grid.shape) == 0 and grid.shape[0] != grid.shape[1]
    rows = (grid == grid[:, :1]).all(1)
    columns = (grid == grid[:1]).all(0)
    candidates = sorted(set(grid[rows, 0].tolist()) | set(grid[0, columns].tolist()))
    best: int | None = None
    best_rank = (-1.0, -1.0)
    for color in candidates:
        row_spans, column_spans = _split_by(grid, color)
        if len(row_spans) * len(column_spans) < 2:
            continue
        area = sum(b - a for a, b in row_spans) * sum(d - c for c, d in column_spans)
        cells = int((grid == color).sum())
        on_lines = grid.size - area
        if color == 0 and 2 * (cells - on_lines) > area:
            continue
        sizes = len({b - a for a, b in row_spans}), len({d - c for c, d in column_spans})
        share = on_lines / cells
        if (color and share < 0.5) or (strict and (sizes != (1, 1) or share < 1)):
            continue
        rank = (float(sizes == (1, 1)), share)
        if rank > best_rank:
            best, best_rank = int(color), rank
    return best


def _split_by(grid: AnyArray, color: int) -> tuple[list[Span], list[Span]]:
    lines = grid == color
    return _spans(lines.all(1)), _spans(lines.all(0))


def panel_spans(grid: AnyArray) -> tuple[list[Span], list[Span]]:
    """The rows and columns of the panels between separator lines; one span each without lines."""
    color = separator_color(grid)
    if color is None:
        return [(0, len(grid))], [(0, grid.shape[1])]
    return _split_by(grid, color)


def split_panels(grid: AnyArray) -> list[list[Array]]:
    """The panels as rows of arrays.

    Parted by separator lines; where there are none, a grid twice (thrice …) as long as wide is
    parted into squares, a square one into quarters, any other into halves along the longer side.
    """
    color = separator_color(grid)
    if color is not None:
        rows, columns = _split_by(grid, color)
        return [[np.array(grid[a:b, c:d]) for c, d in columns] for a, b in rows]
    height, width = grid.shape
    long, short = max(height, width), min(height, width)
    if short < 2 and long < 2:
        return [[np.array(grid)]]
    if height == width and height % 2 == 0:
        return [[np.array(part) for part in np.hsplit(row, 2)] for row in np.vsplit(grid, 2)]
    if long % short == 0 and long > short:
        parts = long // short
    elif long % 2 == 0:
        parts = 2
    elif short % 2 == 0:
        parts, height, width = 2, width, height
    else:
        return [[np.array(grid)]]
    if width > height or (width == height and width % parts == 0):
        pieces = np.hsplit(grid, parts) if grid.shape[1] % parts == 0 else [grid]
        return [[np.array(piece) for piece in pieces]]
    pieces = np.vsplit(grid, parts) if grid.shape[0] % parts == 0 else [grid]
    return [[np.array(piece)] for piece in pieces]


def panel_list(grid: AnyArray) -> list[Array]:
    """The panels in reading order."""
    return [panel for row in split_panels(grid) for panel in row]


def _equal_panels(grid: AnyArray) -> list[Array]:
    """Panels of one size, at least two, otherwise none."""
    found = panel_list(grid)
    return found if len(found) > 1 and len({p.shape for p in found}) == 1 else []


def panels_and(grid: AnyArray, color: int) -> Array:
    """Colour the places that are filled (not black) in all panels."""
    found = _equal_panels(grid)
    if not found:
        return np.array(grid)
    return np.where(np.all([p != 0 for p in found], axis=0), color, 0)


def panels_or(grid: AnyArray, color: int) -> Array:
    """Colour the places that are filled (not black) in any panel."""
    found = _equal_panels(grid)
    if not found:
        return np.array(grid)
    return np.where(np.any([p != 0 for p in found], axis=0), color, 0)


def panels_nor(grid: AnyArray, color: int) -> Array:
    """Colour the places that are black in all panels."""
    found = _equal_panels(grid)
    if not found:
        return np.array(grid)
    return np.where(np.any([p != 0 for p in found], axis=0), 0, color)


def panels_differ(grid: AnyArray, color: int) -> Array:
    """Colour the places that are filled in some panels but not in all (xor of two panels)."""
    found = _equal_panels(grid)
    if not found:
        return np.array(grid)
    filled = np.array([p != 0 for p in found])
    return np.where(filled.any(0) & ~filled.all(0), color, 0)


def panels_only_first(grid: AnyArray, color: int) -> Array:
    """Colour the places that are filled in the first panel and black in all others."""
    found = _equal_panels(grid)
    if not found:
        return np.array(grid)
    filled = np.array([p != 0 for p in found])
    return np.where(filled[0] & ~filled[1:].any(0), color, 0)


def panels_only_second(grid: AnyArray, color: int) -> Array:
    """Colour the places that are filled in the last panel and black in all others."""
    found = _equal_panels(grid)
    if not found:
        return np.array(grid)
    filled = np.array([p != 0 for p in found])
    return np.where(filled[-1] & ~filled[:-1].any(0), color, 0)


def overlay_panels(
    grid: AnyArray, first: int = 0, second: int = 1, third: int = 2, fourth: int = 3
) -> Array:
    """Lay up to four panels over each other: black is transparent, panel `first` on top.

    Panels are numbered in reading order from 0.
    """
    found = _equal_panels(grid)
    if not found:
        return np.array(grid)
    out = np.zeros_like(found[0])
    for index in (first, second, third, fourth):
        if index < len(found):
            out = np.where(out == 0, found[index], out)
    return out


def panel(grid: AnyArray, index: int = 0) -> Array:
    """The panel of that number in reading order, from 0."""
    found = panel_list(grid)
    return found[index] if index < len(found) else np.array(grid)


def odd_panel(grid: AnyArray) -> Array:
    """The panel that is unlike all others, where the others are alike."""
    found = panel_list(grid)
    keys = [(p.shape, p.tobytes()) for p in found]
    for key, one in zip(keys, found, strict=True):
        if keys.count(key) == 1 and len(set(keys)) == 2:
            return one
    # None are equal: compare which places are filled.
    masks = [(p.shape, (p != background_of(p)).tobytes()) for p in found]
    for key, one in zip(masks, found, strict=True):
        if masks.count(key) == 1 and len(set(masks)) == 2:
            return one
    return found[0]


def _filled(panel: AnyArray, grid: AnyArray) -> int:
    return int((panel != background_of(grid)).sum())


def panel_with_most_cells(grid: AnyArray) -> Array:
    """The panel with the most cells that are not background."""
    return max(panel_list(grid), key=lambda p: _filled(p, grid))


def panel_with_fewest_cells(grid: AnyArray) -> Array:
    """The panel with the fewest cells that are not background."""
    return min(panel_list(grid), key=lambda p: _filled(p, grid))


def panel_with_most_colors(grid: AnyArray) -> Array:
    """The panel with the most different colours."""
    return max(panel_list(grid), key=lambda p: len(np.unique(p)))


def _is_symmetric(panel: AnyArray) -> bool:
    return bool(
        (panel == panel[:, ::-1]).all()
        or (panel == panel[::-1]).all()
        or (panel.shape[0] == panel.shape[1] and (panel == panel.T).all())
    )


def symmetric_panel(grid: AnyArray) -> Array:
    """The first panel that is its own mirror image."""
    found = panel_list(grid)
    return next((p for p in found if _is_symmetric(p)), found[0])


def asymmetric_panel(grid: AnyArray) -> Array:
    """The first panel that is not its own mirror image."""
    found = panel_list(grid)
    return next((p for p in found if not _is_symmetric(p)), found[0])


def panels_to_cells(grid: AnyArray) -> Array:
    """Shrink every panel to one cell: its most common colour, black only if it is all black."""
    rows = split_panels(grid)
    out = np.zeros((len(rows), len(rows[0])), dtype=np.int64)
    for i, row in enumerate(rows):
        for j, one in enumerate(row):
            counts = np.bincount(one.ravel(), minlength=10)
            counts[0] = 0
            out[i, j] = counts.argmax()
    return out


def panel_count_grid(grid: AnyArray) -> Array:
    """A grid of the main colour with one cell for every panel."""
    rows = split_panels(grid)
    color = int(np.bincount(rows[0][0].ravel()).argmax())
    return np.full((len(rows), len(rows[0])), color, dtype=np.int64)


def fill_panels(grid: AnyArray) -> Array:
    """Fill every panel with its most common colour that is not black."""
    color = separator_color(grid)
    if color is None:
        return np.array(grid)
    rows, columns = _split_by(grid, color)
    out = np.array(grid)
    for r in rows:
        for c in columns:
            counts = np.bincount(grid[slice(*r), slice(*c)].ravel(), minlength=10)
            counts[0] = 0
            out[slice(*r), slice(*c)] = counts.argmax()
    return out


def mark_panels_with_count(grid: AnyArray, count: int, color: int) -> Array:
    """One cell a panel: the colour where the panel has just `count` cells, black elsewhere."""
    rows = split_panels(grid)
    return np.array([[color if (one != 0).sum() == count else 0 for one in row] for row in rows])


def fill_panels_by_count(grid: AnyArray, count: int, color: int) -> Array:
    """Fill the panels that have just `count` cells with the colour and clear all others."""
    separator = separator_color(grid)
    if separator is None:
        return np.array(grid)
    rows, columns = _split_by(grid, separator)
    out = np.array(grid)
    for r in rows:
        for c in columns:
            cells = int((grid[slice(*r), slice(*c)] != 0).sum())
            out[slice(*r), slice(*c)] = color if cells == count else 0
    return out


def color_if_panels_equal(grid: AnyArray, equal_color: int, other_color: int) -> Array:
    """One cell: the first colour if all panels are equal, otherwise the other colour."""
    found = panel_list(grid)
    equal = len({(p.shape, p.tobytes()) for p in found}) == 1
    return np.array([[equal_color if equal else other_color]])


def share_panels(grid: AnyArray) -> Array:
    """Every panel gets what any panel of its size has: all of them laid over each other."""
    color = separator_color(grid)
    if color is None:
        return np.array(grid)
    rows, columns = _split_by(grid, color)
    spans = [(slice(*r), slice(*c)) for r in rows for c in columns]
    if len({grid[span].shape for span in spans}) > 1:
        return np.array(grid)
    union = np.zeros_like(grid[spans[0]])
    for span in spans:
        union = np.where(union == 0, grid[span], union)
    out = np.array(grid)
    for span in spans:
        out[span] = union
    return out


def remove_separators(grid: AnyArray) -> Array:
    """Drop the lines between the panels and push them together."""
    return np.vstack([np.hstack(row) for row in split_panels(grid)])


def fill_fullest_panels(grid: AnyArray) -> Array:
    """Fill the panels that have the most cells with their colour and clear all others."""
    color = separator_color(grid)
    if color is None:
        return np.array(grid)
    rows, columns = _split_by(grid, color)
    out = np.array(grid)
    counts = {(r, c): int((grid[slice(*r), slice(*c)] != 0).sum()) for r in rows for c in columns}
    most = max(counts.values())
    for (r, c), count in counts.items():
        part = grid[slice(*r), slice(*c)]
        main = np.bincount(part[part != 0], minlength=10).argmax() if count else 0
        out[slice(*r), slice(*c)] = main if count == most else 0
    return out
