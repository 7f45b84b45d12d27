"""Grids and what programs made of them, as small SVG or PNG for a page and as Figures for paper.

The palette is the usual one of ARC. A difference is marked by a symbol as well as by colour:
× another colour than expected, + a cell too many, − a cell that is missing.
"""

import base64
import struct
import zlib
from collections.abc import Iterable
from enum import IntEnum
from html import escape
from textwrap import fill
from typing import TYPE_CHECKING

import numpy as np
import numpy.typing as npt

from arcbench.grids import COLOR_HEX, Grid
from arcbench.rollouts import Rollout
from arcbench.sandbox.types import Failure
from arcbench.tasks import Task

if TYPE_CHECKING:
    from matplotlib.axes import Axes
    from matplotlib.figure import Figure

LINE_HEX = "#555555"
MAX_CELL_PX = 24.0


class Mark(IntEnum):
    """What is wrong with one cell of a prediction."""

    SAME = 0
    WRONG = 1  # another colour than expected
    EXTRA = 2  # outside the expected grid
    MISSING = 3  # expected, but outside the prediction


MARK_SYMBOLS = {Mark.WRONG: "×", Mark.EXTRA: "+", Mark.MISSING: "−"}
_MARK_PATHS = {  # in a cell whose corners are (0, 0) and (1, 1)
    Mark.WRONG: "m.27 .27 .46 .46m0-.46-.46 .46",
    Mark.EXTRA: "m.5 .22v.56m-.28-.28h.56",
    Mark.MISSING: "m.24 .5h.52",
}


def difference(predicted: Grid, expected: Grid) -> npt.NDArray[np.int8]:
    """Marks (box rows, box columns) of a prediction; the grids share their upper left corner."""
    (ph, pw), (eh, ew) = predicted.shape, expected.shape
    marks = np.zeros((max(ph, eh), max(pw, ew)), dtype=np.int8)
    marks[:ph, :pw] = Mark.EXTRA
    marks[:eh, :ew] = np.where(marks[:eh, :ew] == Mark.EXTRA, Mark.SAME, Mark.MISSING)
    h, w = min(ph, eh), min(pw, ew)
    marks[:h, :w] = np.where(predicted[:h, :w] == expected[:h, :w], Mark.SAME, Mark.WRONG)
    return marks


def size_text(grid: Grid) -> str:
    """Rows × columns, as people say it."""
    return f"{grid.shape[0]}×{grid.shape[1]}"


def grid_svg(grid: Grid, *, max_px: int = 180, label: str = "grid") -> str:
    """The grid as an inline SVG whose longer side is at most `max_px`."""
    return _svg(
        grid.shape, max_px, f"{label}, {size_text(grid)}", _cells(grid) + _lines(grid.shape)
    )


def difference_svg(predicted: Grid, expected: Grid, *, max_px: int = 180) -> str:
    """The prediction with right cells faded and wrong ones marked by a symbol."""
    marks = difference(predicted, expected)
    box = np.full(marks.shape, -1, dtype=np.int8)
    box[: predicted.shape[0], : predicted.shape[1]] = predicted
    right = np.where(marks == Mark.SAME, box, -1)
    wrong = np.where(marks != Mark.SAME, box, -1)
    signs = "".join(
        f"M{x} {y}{_MARK_PATHS[Mark(int(marks[y, x]))]}"
        for y, x in np.argwhere(marks != Mark.SAME).tolist()
    )
    count = int((marks != Mark.SAME).sum())
    body = (
        f'<g opacity=".22">{_cells(right)}</g>{_cells(wrong)}{_lines(marks.shape)}'
        # White on black: seen on every colour of the palette.
        f'<path d="{signs}" fill="none" stroke="#000" stroke-width=".24" stroke-linecap="round"/>'
        f'<path d="{signs}" fill="none" stroke="#fff" stroke-width=".1" stroke-linecap="round"/>'
    )
    what = "no cell differs" if not count else f"{count} of {marks.size} cells differ"
    return _svg(marks.shape, max_px, f"difference, {what}", body)


def grid_png_uri(grid: Grid) -> str:
    """The grid as a PNG data URI of one pixel a cell; enlarge it with CSS `image-rendering`."""
    rows, columns = grid.shape
    raw = b"".join(b"\0" + row.tobytes() for row in grid.astype(np.uint8))
    palette = bytes.fromhex("".join(c[1:] for c in COLOR_HEX))
    png = (
        b"\x89PNG\r\n\x1a\n"
        + _chunk(b"IHDR", struct.pack(">IIBBBBB", columns, rows, 8, 3, 0, 0, 0))
        + _chunk(b"PLTE", palette)
        + _chunk(b"IDAT", zlib.compress(raw))
        + _chunk(b"IEND", b"")
    )
    return "data:image/png;base64," + base64.b64encode(png).decode("ascii")


def _chunk(kind: bytes, data: bytes) -> bytes:
    return struct.pack(">I", len(data)) + kind + data + struct.pack(">I", zlib.crc32(kind + data))


def _svg(shape: tuple[int, ...], max_px: int, label: str, body: str) -> str:
    rows, columns = shape
    cell = min(MAX_CELL_PX, max_px / max(rows, columns))
    return (
        f'<svg class="ab-grid" role="img" aria-label="{escape(label)}" '
        f'width="{columns * cell:.1f}" height="{rows * cell:.1f}" '
        f'viewBox="0 0 {columns} {rows}" overflow="visible" '
        f'shape-rendering="crispEdges">{body}</svg>'
    )


def _cells(grid: npt.NDArray[np.int8]) -> str:
    """One path a colour, cells beside each other drawn as one bar; cells below 0 stay empty."""
    paths: dict[int, list[str]] = {}
    for y, row in enumerate(grid.tolist()):
        x = 0
        while x < len(row):
            end = x + 1
            while end < len(row) and row[end] == row[x]:
                end += 1
            if row[x] >= 0:
                paths.setdefault(row[x], []).append(f"M{x} {y}h{end - x}v1h-{end - x}z")
            x = end
    return "".join(f'<path fill="{COLOR_HEX[c]}" d="{"".join(d)}"/>' for c, d in paths.items())


def _lines(shape: tuple[int, ...]) -> str:
    rows, columns = shape
    across = "".join(f"M0 {y}h{columns}" for y in range(rows + 1))
    down = "".join(f"M{x} 0v{rows}" for x in range(columns + 1))
    return (
        f'<path d="{across}{down}" fill="none" stroke="{LINE_HEX}" stroke-width="1" '
        'vector-effect="non-scaling-stroke"/>'
    )


def draw_grid(axes: "Axes", grid: Grid | None, *, title: str = "", missing: str = "") -> None:
    """Draw one grid into `axes`; without a grid, say `missing` there."""
    from matplotlib.colors import ListedColormap

    axes.set_title(title, fontsize=9)
    axes.tick_params(which="both", length=0, labelbottom=False, labelleft=False)
    if grid is None:
        _say(axes, missing or "not known")
        return
    axes.imshow(grid, cmap=ListedColormap(COLOR_HEX), vmin=0, vmax=9, interpolation="nearest")
    _draw_lines(axes, grid.shape)


def draw_difference(axes: "Axes", predicted: Grid | None, expected: Grid | None) -> None:
    """Draw where a prediction differs; right cells are faded, wrong ones carry a symbol."""
    from matplotlib.colors import to_rgb
    from matplotlib.patheffects import Normal, Stroke

    axes.set_title("difference", fontsize=9)
    axes.tick_params(which="both", length=0, labelbottom=False, labelleft=False)
    if predicted is None or expected is None:
        _say(axes, "nothing to compare")
        return
    marks = difference(predicted, expected)
    palette = np.array([to_rgb(c) for c in COLOR_HEX])
    image = np.ones((*marks.shape, 3))  # rows, columns, RGB
    image[: predicted.shape[0], : predicted.shape[1]] = palette[predicted]
    same = marks == Mark.SAME
    image[same] = 1 - 0.22 * (1 - image[same])
    axes.imshow(image, interpolation="nearest")
    _draw_lines(axes, marks.shape)
    for y, x in np.argwhere(~same).tolist():
        sign = MARK_SYMBOLS[Mark(int(marks[y, x]))]
        axes.text(
            x, y, sign, ha="center", va="center", fontsize=9, fontweight="bold", color="white",
            path_effects=[Stroke(linewidth=2, foreground="black"), Normal()],
        )  # fmt: skip


def _draw_lines(axes: "Axes", shape: tuple[int, ...]) -> None:
    rows, columns = shape
    axes.set_xticks(np.arange(-0.5, columns), minor=True)
    axes.set_yticks(np.arange(-0.5, rows), minor=True)
    axes.grid(which="minor", color=LINE_HEX, linewidth=0.5)


def _say(axes: "Axes", message: str) -> None:
    for side in axes.spines.values():
        side.set_linestyle((0, (2, 3)))
        side.set_color("#999999")
    axes.set_box_aspect(1)
    axes.text(
        0.5, 0.5, fill(message, 22, max_lines=5), ha="center", va="center", fontsize=8,
        color="#666666", transform=axes.transAxes, parse_math=False,
    )  # fmt: skip


def _figure(rows: int, columns: int) -> tuple["Figure", list[list["Axes"]]]:
    from matplotlib.figure import Figure

    figure = Figure(figsize=(1.9 * columns, 2.0 * rows), layout="compressed")
    axes = figure.subplots(rows, columns, squeeze=False)
    return figure, [list(row) for row in axes]


def grids_figure(grids: Iterable[Grid], titles: Iterable[str] = ()) -> "Figure":
    """Grids beside each other."""
    shown = list(grids)
    names = [*titles, *[""] * len(shown)]
    figure, axes = _figure(1, max(1, len(shown)))
    if not shown:
        draw_grid(axes[0][0], None, missing="no grid")
    for ax, grid, title in zip(axes[0], shown, names, strict=False):
        draw_grid(ax, grid, title=title)
    return figure


def task_figure(task: Task) -> "Figure":
    """All pairs of a task: a column a pair, input above output."""
    figure, axes = _figure(2, len(task.pairs))
    counts = {"train": 0, "test": 0}
    for i, (split, pair) in enumerate(task.pairs):
        counts[split] += 1
        draw_grid(axes[0][i], pair.input, title=f"{split} {counts[split]}: input")
        draw_grid(axes[1][i], pair.output, title="output")
    figure.suptitle(f"{task.id}  {task.source}".strip(), fontsize=10)
    return figure


def rollout_figure(task: Task, rollout: Rollout) -> "Figure":
    """What a program drew: a row a pair; input, expected, predicted, difference.

    `task` is the one that the program ran on: apply the rollout's augmentation first.
    """
    figure, axes = _figure(len(task.pairs), 4)
    for row, (split, pair), output in zip(axes, task.pairs, rollout.execution.outputs, strict=True):
        failure = isinstance(output, Failure)
        predicted = None if isinstance(output, Failure) else output
        why = output.message or output.outcome.value if isinstance(output, Failure) else ""
        draw_grid(row[0], pair.input, title=f"{split}: input")
        draw_grid(row[1], pair.output, title="expected")
        draw_grid(row[2], predicted, title="no output" if failure else "predicted", missing=why)
        draw_difference(row[3], predicted, pair.output)
    figure.suptitle(
        f"{task.id}: {rollout.execution.outcome.value}, reward {rollout.reward.total:.2f}",
        fontsize=10,
    )
    return figure
