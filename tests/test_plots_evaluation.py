import subprocess
import sys

import numpy as np
import pytest
from matplotlib.backends.backend_agg import FigureCanvasAgg
from matplotlib.collections import PathCollection

from arcbench.evaluation import Tally
from arcbench.evaluation.compare import compare
from arcbench.plots_evaluation import (
    before_against_after,
    charts,
    outcome_bars,
    pass_at_k_curve,
    task_bars,
    total_bars,
)
from arcbench.sandbox.types import Outcome
from tests.made_records import RIGHT, WRONG, drawn_results, made, solved_results, tally

NOTHING = Tally("ab").results([1], np.random.default_rng(0))
LONG = r"a-policy-whose-name-is-far-longer-than-any-chart-has-room-for-$\nonsense$"


def against(a, b, names=("base", "tuned")):
    return before_against_after(compare(a, b, rng=np.random.default_rng(0), names=names))


def legend(figure):
    return [t.get_text() for box in figure.legends for t in box.get_texts()]


def words(axes):
    return [t.get_text() for t in axes.texts if t.get_text()]


@pytest.mark.slow
@pytest.mark.parametrize("tasks", [1, 20, 400])
def test_no_text_is_cut_off_and_no_legend_covers_data(tasks):
    a = drawn_results(tasks, 64, seed=0, ks=[1, 8, 16])
    b = drawn_results(tasks, 64, seed=1, lift=1, ks=[1, 8, 16])
    three = {"base": a, LONG: b, "third": a}
    figures = [
        *charts(a).values(),
        *(draw(three) for draw in (pass_at_k_curve, outcome_bars, total_bars)),
        against(a, b, ("base", LONG)),
    ]
    for figure in figures:
        canvas = FigureCanvasAgg(figure)
        canvas.draw()
        renderer = canvas.get_renderer()
        page = figure.bbox.expanded(1.001, 1.001)
        for axes in figure.axes:
            shown = [*axes.texts, axes.title, axes._left_title, axes.xaxis.label]
            for axis in (axes.xaxis, axes.yaxis):
                low, high = sorted(axis.get_view_interval())
                shown += [t.label1 for t in axis.get_major_ticks() if low <= t.get_loc() <= high]
            for text in (t for t in shown if t.get_text() and t.get_visible()):
                box = text.get_window_extent(renderer)
                assert page.contains(box.x0, box.y0), (text.get_text(), box)
                assert page.contains(box.x1, box.y1), (text.get_text(), box)
            for box in (lg.get_window_extent(renderer) for lg in figure.legends):
                assert not box.overlaps(axes.bbox)
                assert page.contains(box.x1, box.y1), legend(figure)


def test_a_curve_goes_to_all_samples_and_is_faint_where_they_are_few():
    axes = pass_at_k_curve({"": drawn_results(30, 64, seed=0)}).axes[0]
    bold, faint = axes.lines
    assert bold.get_xdata()[0] == 1
    assert bold.get_xdata()[-1] == faint.get_xdata()[0] == 16
    assert faint.get_xdata()[-1] == 64
    assert (bold.get_alpha() or 1) > faint.get_alpha()
    (band,) = axes.collections
    low, high = band.get_datalim(axes.transData).intervaly
    assert low < bold.get_ydata()[0] < faint.get_ydata()[-1] < high


def test_several_evaluations_differ_in_colour_line_and_mark():
    results = drawn_results(10, 16, seed=0)
    figure = pass_at_k_curve({f"e{i}": results for i in range(8)})
    bold = figure.axes[0].lines[::2]
    assert legend(figure) == [f"e{i}" for i in range(6)]
    for look in ("get_color", "get_marker"):
        assert len({getattr(line, look)() for line in bold}) == 6
    assert len({str(line._dash_pattern) for line in bold}) == 6


def test_few_tasks_have_a_bar_with_their_name_sorted_by_pass_rate():
    axes = task_bars(solved_results([1, 8, 0], 8)).axes[0]
    assert [t.get_text() for t in axes.get_yticklabels()] == ["t1", "t0", "t2"]
    assert words(axes) == ["8/8", "1/8", "0/8"]
    assert axes.get_title(loc="left") == "pass rate of each task (2 of 3 solved)"


def test_many_tasks_become_an_outline_from_the_easiest_to_those_never_solved():
    results = solved_results([0] * 30 + [4, 8] * 10, 8)
    figure = task_bars(results)
    _, filled = figure.axes[0].patches
    rates = list(filled.get_data().values)
    assert rates == [1.0] * 10 + [0.5] * 10 + [0.0] * 30
    assert "mean 30.0%" in legend(figure)


def test_where_test_outputs_are_unknown_no_bar_claims_that_they_are_wrong():
    results = tally("ab", [made(t, known=False) for t in "ab"]).results(
        [1], np.random.default_rng(0)
    )
    assert "train pairs right, test wrong" not in legend(task_bars(results))
    known = tally("a", [made("a", [RIGHT], [WRONG])]).results([1], np.random.default_rng(0))
    assert "train pairs right, test wrong" in legend(task_bars(known))


def test_outcomes_are_named_with_their_share_and_those_that_never_came_are_not():
    kinds = [Outcome.OK] * 3 + [Outcome.OUT_OF_MEMORY]
    results = tally("a", [made("a", outcome=o) for o in kinds]).results(
        [1], np.random.default_rng(0)
    )
    axes = outcome_bars({"": results}).axes[0]
    assert [t.get_text() for t in axes.get_yticklabels()] == ["ok", "out of memory"]
    assert words(axes) == ["75.0%", "25.0%"]


def test_totals_have_their_interval_and_a_k_that_one_evaluation_lacks_is_left_out_of_it():
    two = {"wide": solved_results([4, 9], 32, ks=[1, 8]), "narrow": solved_results([1, 2], 4)}
    axes = total_bars(two).axes[0]
    assert [t.get_text() for t in axes.get_yticklabels()] == ["pass rate (pass@1)", "pass@8"]
    assert len(axes.patches) == 3
    wide = two["wide"].pass_at_k[0]
    assert list(axes.lines[0].get_xdata()) == [wide.low, wide.high]


def test_gained_and_lost_tasks_are_marked_and_named():
    figure = against(solved_results([0, 3, 3, 0, 0], 64), solved_results([40, 0, 5, 0, 0], 64))
    axes, listed = figure.axes
    assert legend(figure) == [
        "solved by both: 1", "gained: 1", "lost: 1", "solved by neither: 2",
        "surely changed (q < 0.05): 1",
    ]  # fmt: skip
    points = {
        c.get_label(): c.get_offsets().tolist()
        for c in axes.collections
        if isinstance(c, PathCollection)
    }
    assert points["gained: 1"] == [[0, 40 / 64]]
    assert points["lost: 1"] == [[3 / 64, 0]]
    assert points["surely changed (q < 0.05): 1"] == [[0, 40 / 64]]
    assert words(listed) == [
        "▲ gained: 1", "t0  0/64 → 40/64", "▼ lost: 1", "t1  3/64 → 0/64",
        "● changed otherwise: 1", "t2  3/64 → 5/64",
    ]  # fmt: skip


def test_tasks_on_one_spot_are_one_mark_with_their_number():
    axes = against(solved_results([0] * 30, 8), solved_results([1] * 30, 8)).axes[0]
    assert words(axes) == ["30"]
    listed = against(solved_results([0] * 30, 8), solved_results([1] * 30, 8)).axes[1]
    assert "… and 18 more" in words(listed)


@pytest.mark.parametrize("draw", [pass_at_k_curve, outcome_bars, total_bars])
def test_without_samples_a_chart_says_so(draw):
    for evaluations in ({}, {"": NOTHING}):
        assert words(draw(evaluations).axes[0]) == ["no samples yet"]
    assert words(task_bars(NOTHING).axes[0]) == ["no samples yet"]


def test_one_sample_a_task_is_enough_for_every_chart():
    results = solved_results([0, 1, 1], 1)
    for figure in (*charts(results).values(), against(results, results)):
        FigureCanvasAgg(figure).draw()


@pytest.mark.slow
def test_drawing_leaves_the_global_state_of_matplotlib_alone():
    code = (
        "import sys; from tests.made_records import drawn_results; "
        "from arcbench.plots_evaluation import charts; charts(drawn_results(5, 8, seed=0)); "
        "assert 'matplotlib.pyplot' not in sys.modules"
    )
    subprocess.run([sys.executable, "-c", code], check=True)
