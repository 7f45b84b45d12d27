import json

import pytest

from arcbench.errors import UserError
from arcbench.evaluation import EvalConfig
from arcbench.evaluation.store import EvalStore
from arcbench.tasks import load_tasks
from arcbench.ui import evaluate as tab
from arcbench.ui import evaluate_html
from tests.kaggle_files import write_challenges
from tests.two_evals import TASKS, evaluated


@pytest.fixture(scope="module")
def bench(tmp_path_factory):
    with evaluated(tmp_path_factory.mktemp("bench")) as made:
        yield made


@pytest.fixture(scope="module")
def challenges(tmp_path_factory):
    tasks = load_tasks("arc-agi-1", "training")
    return str(write_challenges(tmp_path_factory.mktemp("kaggle"), [tasks[t] for t in TASKS]))


def test_the_table_has_a_line_for_every_evaluation_with_its_pass_rate(bench):
    shown = evaluate_html.evaluation_table(tab.lines(bench), 0.0)
    assert shown.count("<tr data-run=") == 2
    assert "8 / 8" in shown
    assert "finished" in shown
    assert "50.0%" in shown  # one of the two tasks is a mirror


def test_figures_and_charts_of_an_evaluation_are_shown(bench):
    assert "pass@1" in tab.figures(bench, "after")
    assert tab.charts(bench, "after").count("<svg") == 2
    assert "Choose an evaluation" in tab.figures(bench, "")


def test_an_evaluation_without_figures_says_why(bench):
    config = EvalConfig(policy="embedded", tasks=TASKS[:1], n=1, template="arcbench")
    EvalStore.start(bench.evals_root, "waiting", config)
    assert "when all samples are judged" in tab.figures(bench, "waiting")
    assert "no figures yet" in tab.compared(bench, "waiting", "after")


def test_two_evaluations_are_compared_with_a_verdict(bench):
    shown = tab.compared(bench, "before", "after")
    assert "pass rate 12.5 → 50.0 %" in shown
    assert "Gained: none" in shown
    assert "<svg" in shown
    assert "Choose two" in tab.compared(bench, "before", "")


def test_a_submission_is_built_and_passes_the_check(bench, challenges, tmp_path):
    words, file = tab.submission(bench, "after", challenges, tmp_path)
    assert "2 tasks, 2 test inputs" in words
    assert set(json.loads(open(file).read())) == set(TASKS)  # noqa: PTH123, SIM115
    assert "✓ valid" in tab.checked(challenges, file)
    assert "Upload" in tab.submission(bench, "after", None)[0]


def test_every_defect_of_a_submission_is_named(challenges, tmp_path):
    broken = tmp_path / "broken.json"
    broken.write_text(json.dumps({TASKS[0]: [{"attempt_1": [[11]], "attempt_2": [[1.0]]}]}))
    shown = tab.checked(challenges, str(broken))
    assert "✗ not valid, 3 defects" in shown
    assert TASKS[1] in shown


@pytest.mark.parametrize(
    ("changed", "said"),
    [
        ({"policy": "../nothing"}, "nothing"),
        ({"policy": ""}, "policy"),
        ({"task_id": None}, "choose a task"),
        ({"samples": 0}, "Samples"),
        ({"views": 99}, "views"),
        ({"seed": "x"}, "Seed"),
    ],
)
def test_a_mistake_in_the_form_is_named_and_nothing_starts(bench, changed, said):
    values = {
        "task_id": TASKS[0], "policy": "embedded", "only": True, "samples": 2, "views": 1,
        "temperature": 0.8, "max_new_tokens": 8, "seed": 0, **changed,
    }  # fmt: skip
    before = len(bench.evaluations())
    with pytest.raises(UserError, match=said):
        tab.start(bench, "arc-agi-1", "training", **values)
    assert len(bench.evaluations()) == before


@pytest.mark.parametrize("name", ["../after", "nothing"])
def test_an_evaluation_that_is_not_there_is_named(bench, name):
    with pytest.raises(UserError, match="unknown evaluation"):
        tab.figures(bench, name)
