import base64
import io
import xml.etree.ElementTree as ET
from collections import Counter

import matplotlib.image
import numpy as np
import pytest
from hypothesis import given, settings

from arcbench.grids import COLOR_HEX, as_grid
from arcbench.policies.base import Completion
from arcbench.render import (
    Mark,
    _figure,
    difference,
    difference_svg,
    draw_grid,
    grid_png_uri,
    grid_svg,
    rollout_figure,
    task_figure,
)
from arcbench.rewards import scheme
from arcbench.rollouts import Rollout
from arcbench.sandbox.types import Execution, Failure, Outcome
from arcbench.scoring import Score, score_pair
from arcbench.tasks import Pair, Task
from tests.strategies import grids


def png_pixels(uri):
    """RGB (rows, columns, 3) of a PNG data URI, 0–255."""
    image = matplotlib.image.imread(io.BytesIO(base64.b64decode(uri.partition(",")[2])), "png")
    return np.rint(image[..., :3] * 255).astype(int)


def painted(svg, shape):
    """Colours (rows, columns) that the SVG's paths paint, read back from their bars."""
    board = np.full(shape, -1)
    for path in ET.fromstring(svg).iter("path"):
        if path.get("fill") in COLOR_HEX:
            for bar in path.get("d").split("M")[1:]:
                corner, rest = bar.split("h", 1)
                x, y = map(int, corner.split())
                board[y, x : x + int(rest.split("v")[0])] = COLOR_HEX.index(path.get("fill"))
    return board


@given(grids())
@settings(max_examples=40, deadline=None)
def test_the_png_has_the_palette_colour_of_every_cell(grid):
    palette = np.array([[int(c[i : i + 2], 16) for i in (1, 3, 5)] for c in COLOR_HEX])
    assert (png_pixels(grid_png_uri(grid)) == palette[grid]).all()


@given(grids())
@settings(max_examples=40, deadline=None)
def test_the_svg_paints_every_cell_once_in_its_colour(grid):
    assert (painted(grid_svg(grid), grid.shape) == grid).all()


def test_an_svg_names_its_size_and_escapes_its_label():
    svg = ET.fromstring(grid_svg(as_grid([[1, 2, 3]]), max_px=60, label='"<&'))
    assert svg.get("aria-label") == '"<&, 1×3'
    assert float(svg.get("width")) <= 60


@given(grids(8), grids(8))
@settings(max_examples=60, deadline=None)
def test_differences_count_wrong_extra_and_missing_cells(predicted, expected):
    (ph, pw), (eh, ew) = predicted.shape, expected.shape
    h, w = min(ph, eh), min(pw, ew)
    count = Counter(difference(predicted, expected).ravel().tolist())
    assert count[Mark.WRONG] == int((predicted[:h, :w] != expected[:h, :w]).sum())
    assert count[Mark.EXTRA] == ph * pw - h * w
    assert count[Mark.MISSING] == eh * ew - h * w


def test_wrong_cells_carry_a_symbol_and_equal_grids_carry_none():
    a, b = as_grid([[1, 2], [3, 4]]), as_grid([[1, 2], [3, 5]])
    assert "1 of 4 cells differ" in difference_svg(a, b)
    assert "M1 1m" in difference_svg(a, b)
    assert "M1 1m" not in difference_svg(a, a)


def a_rollout():
    """A program that got one pair, missed one cell of another and raised on the third."""
    one, two = as_grid([[1, 2], [3, 4]]), as_grid([[1, 2], [3, 5]])
    pairs = (Pair(input=one, output=one), Pair(input=two, output=one))
    task = Task(id="00000001", train=pairs, test=(Pair(input=one, output=two),), source="toy")
    failure = Failure(outcome=Outcome.RAISED, message="ZeroDivisionError: division by zero")
    outputs = (one, two, failure)
    score = Score(
        pairs=tuple(
            score_pair(None if isinstance(o, Failure) else o, p.output, split)
            for o, (split, p) in zip(outputs, task.pairs, strict=True)
        )
    )
    execution = Execution(outcome=Outcome.RAISED, outputs=outputs, message=failure.message)
    return task, Rollout(
        task_id=task.id,
        completion=Completion(text=""),
        code="def transform(grid):\n    return grid",
        execution=execution,
        score=score,
        reward=scheme("staged").reward(has_code=True, score=score),
    )


def texts(figure):
    return [t.get_text() for ax in figure.axes for t in (*ax.texts, ax.title)]


def test_a_missing_output_is_shown_with_its_reason():
    task, rollout = a_rollout()
    shown = texts(rollout_figure(task, rollout))
    assert "no output" in shown
    assert any("division by zero" in t.replace("\n", " ") for t in shown)
    assert shown.count("×") == 1


def test_a_reason_is_drawn_as_it_stands_whatever_a_program_wrote_into_it():
    figure, axes = _figure(1, 1)
    draw_grid(axes[0][0], None, missing="ValueError: $\\nothing{$")
    figure.savefig(io.BytesIO(), format="png")
    assert any("$\\nothing{$" in text for text in texts(figure))


@pytest.mark.parametrize("answer", [None, [[7]]])
def test_a_task_figure_has_a_column_for_every_pair(answer):
    grid = as_grid([[1]])
    output = None if answer is None else as_grid(answer)
    pair = Pair(input=grid, output=output)
    task = Task(id="00000002", train=(Pair(input=grid, output=grid),), test=(pair,))
    figure = task_figure(task)
    assert [ax.get_title() for ax in figure.axes][:2] == ["train 1: input", "test 1: input"]
    assert ("not known" in texts(figure)) == (answer is None)
