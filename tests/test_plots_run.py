from arcbench import series
from arcbench.plots_run import COLUMNS, MAX_POINTS, ROWS, Mark, run_page
from arcbench.rewards import RewardBreakdown
from arcbench.sandbox.types import Outcome

ONLY_IN_FILES = {  # told by a neighbour, or by a sum
    series.UNIQUE_PROGRAMS, series.GROUP_SOLVED, series.UNIQUE_3GRAMS_MIN, series.TOP_4GRAM,
    series.TOP_4GRAM_MAX, series.CLIPPED, series.ENTROPY_COEF, series.IMPORTANCE_RATIO,
    series.SECONDS_STEP, series.SECONDS_SIGNALS, series.OUTCOME.format(Outcome.OK.value),
}  # fmt: skip


def shown(figure):
    return [axes for axes in figure.axes if axes.get_visible()]


def test_every_metric_has_its_place_on_the_page():
    on_page = {n for row in ROWS.values() for panel in row for n in panel.curves.values()}
    names = {v for k, v in vars(series).items() if k.isupper() and isinstance(v, str)}
    names |= {series.OUTCOME.format(o.value) for o in Outcome}
    names |= {series.REWARD_PART.format(part) for part in RewardBreakdown().parts}
    assert on_page | ONLY_IN_FILES == names - {series.OUTCOME, series.REWARD_PART}
    assert not on_page & ONLY_IN_FILES


def test_panels_of_what_was_not_recorded_are_left_out():
    lines = [{"step": s, series.REWARD_MEAN: float(s), series.SAMPLED_GAP: None} for s in (1, 2)]
    (panel,) = shown(run_page(lines))
    assert panel.get_title(loc="left") == "reward"
    assert panel.lines[0].get_ydata().tolist() == [1, 2]
    assert len(shown(run_page([]))) == 1


def test_thousands_of_steps_are_drawn_as_means_over_their_range():
    lines = [
        {"step": s, series.REWARD_MEAN: float(s % 2), series.SECONDS_UPDATE: 2.0}
        for s in range(1, 3001)
    ]
    reward, seconds = shown(run_page(lines))
    assert len(reward.lines[0].get_xdata()) <= MAX_POINTS
    assert set(reward.lines[0].get_ydata()) == {0.48, 0.52}  # of 25 steps each
    area = reward.collections[0].get_paths()[0].vertices
    assert (area[:, 1].min(), area[:, 1].max()) == (0, 1)
    assert seconds.collections[0].get_paths()[0].vertices[:, 1].max() == 2


def test_what_was_found_is_marked_in_every_panel_and_told_in_order():
    lines = [{"step": s, series.REWARD_MEAN: 1.0, series.ENTROPY: 0.5} for s in (1, 2, 3)]
    marks = [Mark(step=3, label="later", severity="critical"), Mark(step=2, label="sooner")]
    figure = run_page(lines, marks)
    for axes in shown(figure):
        assert [line.get_xdata()[0] for line in axes.lines[-2:]] == [2, 3]
    told = sorted(figure.texts, key=lambda t: -t.get_position()[1])
    assert [t.get_text() for t in told] == ["▍step 2: sooner", "▍step 3: later"]


def test_a_gap_of_zero_is_no_point_of_a_logarithm():
    lines = [{"step": s, series.SAMPLED_GAP: g} for s, g in ((1, 0.0), (2, 1e-3), (3, 1e-2))]
    (panel,) = shown(run_page(lines))
    assert panel.get_yscale() == "log"
    assert panel.lines[0].get_xdata().tolist() == [2, 3]
    (zeros,) = shown(run_page([{"step": 1, series.SAMPLED_GAP: 0.0}]))
    assert [t.get_text() for t in zeros.texts] == ["all 0"]


def test_rounding_does_not_look_like_a_movement():
    lines = [
        {"step": s, series.KL_SAMPLED: s * 1e-12, series.RATIO_MEAN: 1 + s * 1e-9,
         series.RATIO_ESS: 1 - s * 1e-9}
        for s in range(1, 9)
    ]  # fmt: skip
    for axes in shown(run_page(lines)):
        ys = axes.lines[0].get_ydata()
        low, high = axes.get_ylim()
        assert high - low > 1e4 * (max(ys) - min(ys))


def test_no_row_has_more_panels_than_the_page_has_columns():
    assert all(len(row) <= COLUMNS for row in ROWS.values())
