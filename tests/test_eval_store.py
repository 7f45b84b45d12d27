import json
from dataclasses import replace
from math import isnan, nan
from pathlib import Path

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from arcbench.errors import UserError
from arcbench.evaluation import EvalConfig, EvalStore, evaluations
from arcbench.evaluation.store import Drawn, Written, as_kept
from arcbench.folders import RunState
from arcbench.policies.base import Completion
from arcbench.rewards import scheme
from arcbench.runs import RunStore

CONFIG = EvalConfig(tasks=("67a3c6ac",), n=16).resolved()
IN_TMP = settings(max_examples=40, suppress_health_check=[HealthCheck.function_scoped_fixture])


def run_folder(root: Path, *steps: int) -> Path:
    """A run with whole checkpoints, as far as names tell."""
    store = RunStore.create(
        root, "run", {"policy": {"template": "arcbench-compact", "model": "embedded"}}
    )
    for step in steps:
        folder = store.checkpoints / f"checkpoint-{step}"
        folder.mkdir(parents=True)
        (folder / "whole.json").write_text("{}")
        (folder / "config.json").write_text("{}")
    return store.path


# Settings


@pytest.mark.parametrize(
    ("changes", "message"),
    [
        ({"n": 0}, "n must be at least 1"),
        ({"n": 16, "k": (1, 64)}, r"k must be between 1 and n, not 64: n is 16; leave that k out"),
        ({"k": (0,)}, "k must be between 1 and n, not 0"),
        ({"n": 4, "views": 8}, "views must be between 1 and n, .* not 8: n is 4"),
        ({"views": 0}, "views must be between 1 and n"),
        ({"temperature": -1.0}, "temperature"),
        ({"timeout_s": 0.0}, "timeout_s"),
        ({"engine": "tgi"}, "unknown engine 'tgi'"),
    ],
)
def test_a_setting_that_cannot_be_is_refused_with_the_way_out(changes, message):
    with pytest.raises(UserError, match=message):
        EvalConfig(**changes)


@given(
    st.builds(
        EvalConfig,
        n=st.integers(8, 100),
        k=st.sampled_from([(), (1,), (8, 1)]),
        views=st.integers(1, 8),
        tasks=st.sampled_from([(), ("b", "a", "b")]),
        split=st.sampled_from([None, "evaluation"]),
        reward=st.sampled_from([scheme("staged"), scheme("arc25-v1", pairs="train")]),
        template=st.sampled_from([None, "barc"]),
    )
)
def test_settings_come_back_from_json_as_they_were(config):
    assert EvalConfig.from_dict(json.loads(json.dumps(config.to_dict()))) == config


def test_settings_of_a_newer_arcbench_and_unknown_ones_are_refused():
    with pytest.raises(UserError, match="schema 99"):
        EvalConfig.from_dict({**CONFIG.to_dict(), "evaluation": 99})
    with pytest.raises(UserError, match="unknown setting of an evaluation 'beams'"):
        EvalConfig.from_dict({**CONFIG.to_dict(), "beams": 4})


@pytest.mark.parametrize(
    ("n", "ks"), [(1, (1,)), (31, (1,)), (64, (1, 8)), (2048, (1, 8, 64, 512))]
)
def test_k_is_by_default_what_n_is_steady_for(n, ks):
    assert EvalConfig(n=n).k == ks
    assert EvalConfig(n=n).warnings == ()


def test_a_k_above_a_quarter_of_n_and_a_greedy_crowd_are_warned_of():
    (wide,) = EvalConfig(n=64, k=(1, 64)).warnings
    assert "pass@64" in wide
    assert "--n 256" in wide
    (greedy,) = EvalConfig(n=64, temperature=0.0, views=8).warnings
    assert "8 views tell no more than 8" in greedy


def test_a_run_stands_for_its_newest_checkpoint_and_its_own_template(tmp_path):
    run = run_folder(tmp_path, 5, 20, 10)
    config = EvalConfig(policy=str(run)).resolved()
    assert config.policy == str(run / "checkpoints" / "checkpoint-20")
    assert config.template == "arcbench-compact"
    assert config.policy_name == f"{run}@20"
    assert config.resolved() == config


def test_an_unknown_task_or_policy_is_refused_before_a_folder_is_made(tmp_path):
    for wrong in (replace(CONFIG, tasks=("nope",)), replace(CONFIG, policy="nope")):
        with pytest.raises(UserError, match=r"unknown .* 'nope'"):
            EvalStore.start(tmp_path, "x", wrong)
    assert not (tmp_path / "x").exists()


# Folders


def test_the_same_name_with_the_same_settings_is_the_same_evaluation(tmp_path):
    one = EvalStore.start(tmp_path, "x", CONFIG)
    assert EvalStore.start(tmp_path, "x", CONFIG) == one
    assert one.config() == CONFIG
    assert list(one.tasks()) == ["67a3c6ac"]
    assert one.status().state is RunState.CREATED


def test_the_same_name_with_other_settings_is_refused_naming_the_first_that_differs(tmp_path):
    EvalStore.start(tmp_path, "x", CONFIG)
    with pytest.raises(UserError, match="other settings: n is 16 there and 32 here; choose"):
        EvalStore.start(tmp_path, "x", replace(CONFIG, n=32, seed=1))
    with pytest.raises(UserError, match="reward is 'arc25-v2' there and 'staged' here"):
        EvalStore.start(tmp_path, "x", replace(CONFIG, reward=scheme("staged")))


def test_what_is_no_evaluation_is_refused_and_not_listed(tmp_path):
    run = RunStore.create(tmp_path, "run", {"steps": 3})
    (tmp_path / "empty").mkdir()
    for folder, why in [("gone", "no such folder"), ("empty", "no config.json"),
                        ("run", "that of something else")]:  # fmt: skip
        with pytest.raises(UserError, match=why):
            EvalStore.open(tmp_path / folder)
    store = EvalStore.start(tmp_path, "x", CONFIG)
    assert evaluations(tmp_path) == [store]
    assert evaluations(tmp_path / "nowhere") == []
    assert run.config() == {"steps": 3}


# Samples

completions = st.builds(
    Completion,
    text=st.text(max_size=30),
    token_ids=st.lists(st.integers(0, 2**17), max_size=5).map(tuple),
    logprobs=st.lists(st.floats(-50, 0), max_size=5).map(tuple),
    finish_reason=st.sampled_from(["stop", "length"]),
).map(as_kept)
lines = st.builds(
    Written, task_id=st.just("67a3c6ac"), index=st.integers(0, 15), completion=completions
)


@IN_TMP
@given(
    written=st.lists(lines, max_size=6), cut=st.integers(0, 400), more=st.lists(lines, max_size=2)
)
def test_a_torn_last_line_is_dropped_and_others_go_on_after_it(
    written, cut, more, tmp_path_factory
):
    store = EvalStore.start(tmp_path_factory.mktemp("evals"), "x", CONFIG)
    with store.appending() as writer:
        for one in written:
            writer.add(one)
    whole = store.completions_file.read_bytes()
    kept = whole[: max(0, len(whole) - cut)]  # as a kill leaves it
    store.completions_file.write_bytes(kept)
    there = written[: kept.count(b"\n")]
    assert list(store.completions()) == there
    with store.appending() as writer:
        for one in more:
            writer.add(one)
    assert list(store.completions()) == [*there, *more]


def test_a_torn_line_longer_than_a_block_is_dropped(tmp_path):
    store = EvalStore.start(tmp_path, "x", CONFIG)
    one = Written(task_id="67a3c6ac", index=0, completion=Completion(text="a"))
    with store.appending() as writer:
        writer.add(one)
    whole = store.completions_file.read_bytes()
    for torn in (b"x" * 200_000, b"x" * (1 << 16), b"x" * ((1 << 16) - len(whole))):
        store.completions_file.write_bytes(whole + torn)
        with store.appending():
            assert store.completions_file.read_bytes() == whole


def test_a_token_without_a_number_and_half_a_character_survive(tmp_path):
    store = EvalStore.start(tmp_path, "x", CONFIG)
    odd = as_kept(Completion(text="a\ud83d", token_ids=(1, 2), logprobs=(nan, -0.1234567)))
    with store.appending() as writer:
        writer.add(Written(task_id="67a3c6ac", index=0, completion=odd))
    (read,) = store.completions()
    assert read.completion.text == "a?"
    assert isnan(read.completion.logprobs[0])
    assert read.completion.logprobs[1] == -0.12346


@given(st.lists(st.tuples(st.sampled_from("ab"), st.integers(0, 9))), st.integers(0, 10))
def test_drawn_samples_are_known_and_the_missing_are_the_others(added, below):
    drawn = Drawn(["a", "b"], 10)
    new = [drawn.add(*one) for one in added]
    assert sum(new) == len(drawn) == len(set(added))
    assert all(one in drawn for one in added)
    for task_id in "ab":
        there = {j for t, j in added if t == task_id}
        assert drawn.missing(task_id, below) == [j for j in range(below) if j not in there]
    assert not drawn.add("c", 0)
    assert not drawn.add("a", 10)
