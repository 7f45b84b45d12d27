import xml.etree.ElementTree as ET
from math import nan

import pytest

from arcbench.plots import before_after, figure_svg, training_curve


def steps(n):
    """A made-up run whose reward rises to 3."""
    return [
        {
            "step": i,
            "reward/mean": 1 + 2 * i / n,
            "reward/std": 0.2,
            "reward/code": 1.0,
            "reward/exact": i / n,
            "reward/pixel": 0.0,
            "solve_rate": i / n,
            "length/mean": 50.0,
        }
        for i in range(1, n + 1)
    ]


def test_the_curve_shows_the_total_and_the_parts_that_are_earned():
    reward = training_curve(steps(20)).axes[0]
    assert [t.get_text() for t in reward.get_legend().get_texts()] == ["total", "code", "exact"]


@pytest.mark.parametrize("window", [1, 5])
def test_the_bold_line_is_a_mean_over_the_window(window):
    solved = training_curve(steps(10), window=window).axes[1]
    assert solved.lines[1].get_ydata()[-1] == pytest.approx(
        sum(i / 10 for i in range(11 - window, 11)) / window
    )


@pytest.mark.parametrize("metrics", [[], [{"step": 3, "eval/pass@1": 0.5}]])
def test_a_run_without_steps_says_so(metrics):
    for axes in training_curve(metrics).axes:
        assert [t.get_text() for t in axes.texts] == ["no step yet"]


def test_values_that_are_no_numbers_are_left_out_of_the_curve():
    broken = [*steps(3), {"step": 4, "reward/mean": nan, "solve_rate": None, "length/mean": nan}]
    reward, solved, length = training_curve(broken).axes
    assert [len(axes.lines[0].get_xdata()) for axes in (reward, solved, length)] == [3, 3, 3]


def test_a_metric_that_is_not_recorded_is_named_as_such():
    length = training_curve([{"step": 1, "reward/mean": 1.0}]).axes[2]
    assert [t.get_text() for t in length.texts] == ["not recorded"]


def test_each_figure_before_and_after_is_written_in_its_own_form():
    before = {"reward": 1.5, "solve rate": 0.25, "not shown": 1.0}
    after = {"reward": 2.75, "solve rate": 0.875, "not shown": 1.0}
    solved, reward = before_after(before, after, {"solve rate": "{:.0%}", "reward": "{:.2f}"}).axes
    assert {t.get_text() for t in solved.texts} >= {"25%", "88%"}
    assert {t.get_text() for t in reward.texts} >= {"1.50", "2.75"}


def test_svgs_on_one_page_share_no_ids_and_take_the_page_colour():
    svgs = [figure_svg(training_curve(steps(5)), "curve") for _ in range(2)]
    ids = [{e.get("id") for e in ET.fromstring(svg).iter()} - {None} for svg in svgs]
    assert ids[0]
    assert not ids[0] & ids[1]
    assert "currentColor" in svgs[0]
    assert "font-family: inherit" in svgs[0]
