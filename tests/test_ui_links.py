import pytest
from hypothesis import given
from hypothesis import strategies as st

from arcbench.evaluation import EvalConfig, EvalStore
from arcbench.runs import RunStore
from arcbench.training.config import overfit_config
from arcbench.ui.links import INNER, Place, place_of
from arcbench.workbench import Workbench

TABS = ("tasks", "runs")


@pytest.fixture(scope="module")
def bench(tmp_path_factory):
    root = tmp_path_factory.mktemp("runs")
    RunStore.create(root, "mine", overfit_config("67a3c6ac").to_dict())
    with Workbench(root, evals_root=root / "evals") as made:
        yield made


def test_what_is_there_is_taken(bench):
    query = {
        "tab": "runs", "dataset": "arc-agi-1", "split": "training", "task": "67a3c6ac",
        "view": "rollouts", "rollout": "mine/3.0.1",
    }  # fmt: skip
    assert place_of(bench, query, TABS) == Place(**query, run="mine")
    assert place_of(bench, {"run": "mine"}, TABS) == Place(run="mine")


def test_evaluations_are_named_in_addresses(bench):
    config = EvalConfig(policy="embedded", tasks=("67a3c6ac",), n=1, template="arcbench")
    EvalStore.start(bench.evals_root, "before", config)
    query = {"tab": "evaluate", "eval": "before", "other": "../before"}
    assert place_of(bench, query, (*TABS, "evaluate")) == Place(tab="evaluate", eval="before")


def test_an_inner_tab_is_one_of_its_own_tab(bench):
    tabs = ("tasks", "runs", "evaluate", "health")
    for tab, (_, views) in INNER.items():
        for view in views:
            assert place_of(bench, {"tab": tab, "view": view}, tabs) == Place(tab=tab, view=view)
    assert place_of(bench, {"tab": "health", "view": "rollouts"}, tabs) == Place(tab="health")
    assert place_of(bench, {"view": "rollouts"}, tabs) == Place()


@given(
    query=st.dictionaries(
        st.sampled_from(
            ["tab", "dataset", "split", "task", "view", "rollout", "run", "eval", "other"]
        ),
        st.text(max_size=30)
        | st.sampled_from(["../mine", "/etc/passwd", "mine/../../x", "mine/1.0", "/mine/1.0.0"]),
    )
)
def test_an_address_reaches_nothing_that_has_no_name_here(bench, query):
    place = place_of(bench, query, TABS)
    assert place.tab in ("", *TABS)
    assert place.dataset in ("", *bench.datasets())
    assert place.run in ("", "mine")
    assert place.rollout == "" or place.rollout.startswith("mine/")
    assert ".." not in place.rollout
    assert {place.eval, place.other} <= {"", "before"}
    assert place.task == "" or place.task in bench.tasks(place.dataset or "arc-agi-1")
