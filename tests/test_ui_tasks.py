import re

import pytest

from arcbench.evaluation import EvalConfig, evaluate
from arcbench.evaluation.store import EvalStore
from arcbench.policies import ScriptedPolicy
from arcbench.solutions import Solution
from arcbench.ui import tasks, tasks_known
from arcbench.workbench import Workbench

TASK, OTHER = "67a3c6ac", "68b16354"
RIGHT = "```python\ndef transform(grid):\n    return grid[:, ::-1]\n```"
WRONG = "```python\ndef transform(grid):\n    return grid\n```"


@pytest.fixture(scope="module")
def bench(tmp_path_factory):
    root = tmp_path_factory.mktemp("bench")
    with Workbench(root / "runs", workers=1) as made:
        config = EvalConfig(policy="embedded", tasks=(TASK, OTHER), n=4, template="arcbench")
        store = EvalStore.start(made.evals_root, "looked", config)
        evaluate(config, store, policy=ScriptedPolicy([RIGHT, WRONG]))
        yield made


@pytest.mark.parametrize(
    ("judged", "count"),
    [("any", 400), ("solved", 1), ("not solved", 1), ("has a signal", 1), ("not sampled", 398)],
)
def test_tasks_are_sifted_by_what_an_evaluation_made_of_them(bench, judged, count):
    wanted = tasks.TaskFilter(judged=judged)
    shown = tasks.gallery(bench, "arc-agi-1", "training", wanted, "looked")
    ids = re.findall(r'data-task="(\w+)"', shown)
    assert len(ids) == count
    assert (TASK in ids) == (judged in ("any", "solved", "has a signal"))
    if judged == "any":
        assert "✓ 2/4" in shown
        assert "✗ 0/4" in shown


def test_without_an_evaluation_it_asks_for_one(bench):
    wanted = tasks.TaskFilter(judged="solved")
    assert "Choose an evaluation" in tasks.gallery(bench, "arc-agi-1", "training", wanted)
    for name in ("../looked", "nothing"):
        shown = tasks.gallery(bench, "arc-agi-1", "training", wanted, name)
        assert "unknown evaluation" in shown


def test_programs_tell_where_they_came_from_and_escape_it(bench):
    shown = tasks_known.programs(bench, "arc-agi-1", "training", TASK)
    assert '<a href="?tab=evaluate&amp;eval=looked">looked</a>, 2 times' in shown
    assert "comes with arcbench" in shown
    nowhere = tasks_known.programs(bench, "arc-agi-1", "evaluation", "00576224")
    assert "No program on this machine" in nowhere
    assert 'role="alert"' in tasks_known.programs(bench, "arc-agi-1", "training", "no<such")
    run = Solution(code="", kind="run", name="a<b", place="3.0.1")
    assert "a&lt;b, step 3" in tasks_known.origin(run)
    assert "rollout=a%3Cb%2F3.0.1" in tasks_known.origin(run)
