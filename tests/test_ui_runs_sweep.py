import pytest

from arcbench.errors import UserError
from arcbench.runs import RunStore
from arcbench.training.config import overfit_config
from arcbench.ui import runs, runs_sweep
from arcbench.workbench import Workbench
from tests.recorded_sweep import TASK, made_sweep


@pytest.fixture(scope="module")
def bench(tmp_path_factory):
    root = tmp_path_factory.mktemp("runs")
    made_sweep(root, "rates")
    with Workbench(root) as made:
        yield made


def test_a_sweep_is_a_chart_and_a_verdict_on_each_value(bench):
    assert runs_sweep.sweeps(bench) == ["rates"]
    shown = runs_sweep.shown(bench, "rates")
    assert shown.count("<tr>") == 1 + 6
    for sign, verdict in (("■", "flat"), ("▲", "learning"), ("✖", "destroyed")):
        assert f'<span aria-hidden="true">{sign}</span> {verdict}' in shown
    assert 'aria-label="chart of sweep rates"' in shown
    assert "Choose a sweep" in runs_sweep.shown(bench, None)


@pytest.mark.parametrize("name", ["../rates", "nothing", "rates/../rates"])
def test_a_sweep_that_is_not_there_is_named(bench, name):
    with pytest.raises(UserError, match="no sweep"):
        runs_sweep.shown(bench, name)


def test_without_sweeps_it_says_how_to_start_one(tmp_path):
    with Workbench(tmp_path) as empty:
        assert "arcbench sweep" in runs_sweep.shown(empty, None)


def test_a_folder_that_only_looks_like_a_run_is_passed_over(bench):
    store = RunStore.create(bench.runs_root, "mine", overfit_config(TASK).to_dict())
    (bench.runs_root / "half").mkdir()
    (bench.runs_root / "half" / "config.json").write_text("{}")
    lines = runs.lines(bench)
    assert [line.name for line in lines] == ["mine"]
    assert lines[0].has("MINE")
    assert lines[0].has(TASK)
    assert not lines[0].has("yours")
    store.append_metrics(1, {"reward/mean": 1.0})
    store.write_status(type(store.status())(step=1))
    again = runs.lines(bench)[0]
    assert again.status.step == 1
    assert len(again.metrics) == 1
