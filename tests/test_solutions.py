import pytest

from arcbench import solutions
from arcbench.errors import UserError
from arcbench.evaluation import EvalConfig, evaluate
from arcbench.evaluation.store import EvalStore
from arcbench.judge import Attempt, Judge
from arcbench.policies import ScriptedPolicy
from arcbench.policies.base import Completion
from arcbench.rewards import scheme
from arcbench.runs import RunStore
from arcbench.sandbox import SandboxPool
from arcbench.training.config import overfit_config
from arcbench.workbench import Workbench

TASK, OTHER = "67a3c6ac", "68b16354"
MIRROR = "def transform(grid):\n    return grid[:, ::-1]"
UPSIDE = "def transform(grid):\n    return grid[::-1]"


def fenced(code):
    return f"```python\n{code}\n```"


@pytest.fixture(scope="module")
def bench(tmp_path_factory):
    root = tmp_path_factory.mktemp("bench")
    with Workbench(root / "runs", workers=1, data_roots=[root / "data"]) as made:
        config = EvalConfig(policy="embedded", tasks=(TASK, OTHER), n=4, template="arcbench")
        store = EvalStore.start(made.evals_root, "looked", config)
        evaluate(config, store, policy=ScriptedPolicy([fenced(MIRROR), fenced(UPSIDE)]))
        run = RunStore.create(made.runs_root, "trained", overfit_config(TASK).to_dict())
        with SandboxPool(workers=1) as pool:
            judge = Judge(pool=pool, scheme=scheme("arc25-v2"))
            for step in (1, 2):
                attempts = [
                    Attempt(task=made.task(TASK), completion=Completion(text=fenced(c)), index=i)
                    for i, c in enumerate([UPSIDE, MIRROR, MIRROR + "  # again"])
                ]
                run.write_rollouts(step, judge.judge(attempts, step=step))
        yield made


def test_an_evaluation_tells_how_often_each_task_was_solved(bench):
    found = bench.tallies("looked")
    assert {t: (x.samples, x.solved) for t, x in found.items()} == {TASK: (4, 2), OTHER: (4, 2)}
    assert found[TASK].has_signal
    assert not solutions.TaskTally(samples=4, solved=4).has_signal


def test_programs_that_solve_a_task_are_found_with_where_they_came_from(bench):
    found = bench.solutions(TASK)
    assert {(s.kind, s.name, s.times) for s in found} >= {
        ("evaluation", "looked", 2), ("run", "trained", 2),
    }  # fmt: skip
    assert [s.code.strip() for s in found].count(MIRROR) == 1
    again = next(s for s in found if s.code.strip().endswith("again"))
    assert again.place == "2.0.2"
    assert bench.rollout("trained", 2, 0, 2).code == again.code
    assert [s.kind for s in bench.solutions("007bbfb7")] == ["shipped"]
    assert bench.solutions("../programs/007bbfb7") == []
    assert bench.solutions(TASK, "elsewhere.json") == []


@pytest.mark.parametrize("dataset", ["/etc/passwd", "../data2", "data/../../x", "/"])
def test_data_outside_its_roots_is_not_read(bench, dataset):
    with pytest.raises(UserError, match="lies outside"):
        bench.tasks(dataset)
    with pytest.raises(UserError, match="lies outside"):
        bench.start_evaluation(EvalConfig(policy="embedded", dataset=dataset, n=1))


def test_data_inside_its_roots_is_read(bench):
    folder = bench.data_roots[0]
    folder.mkdir(exist_ok=True)
    (folder / "one.json").write_text(
        '{"train": [{"input": [[1]], "output": [[2]]}], "test": [{"input": [[3]]}]}'
    )
    assert len(bench.tasks(str(folder / "one.json"))) == 1
    (folder / "out.json").symlink_to("/etc/passwd")
    with pytest.raises(UserError, match="lies outside"):
        bench.tasks(str(folder / "out.json"))
