import json
from dataclasses import fields, replace

import numpy as np
import pyarrow as pa
import pyarrow.parquet as pq
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from arcbench.augment import Augmentation
from arcbench.errors import UserError
from arcbench.policies.base import Completion
from arcbench.rewards import RewardBreakdown
from arcbench.rollouts import (
    _PARQUET,
    SCHEMA,
    Rollout,
    RolloutGroup,
    groups,
    read_rollouts,
    rollout_from_dict,
    rollout_to_dict,
    write_rollouts,
)
from arcbench.sandbox.types import Execution, Failure, Outcome
from arcbench.scoring import PairScore, Score
from tests.strategies import grids

text = st.text(st.characters(exclude_categories=["Cs"]), max_size=20)
numbers = st.floats(-100, 100)
failures = st.builds(
    Failure, outcome=st.sampled_from([o for o in Outcome if not o.ok]), message=text
)
augmentations = st.builds(
    Augmentation,
    quarter_turns=st.integers(0, 3),
    flip=st.booleans(),
    colors=st.permutations(range(10)).map(tuple),
    pair_order=st.permutations(range(3)).map(tuple),
)
pair_scores = st.builds(
    PairScore,
    split=st.sampled_from(["train", "test"]),
    valid=st.booleans(),
    exact=st.booleans(),
    pixel=st.floats(0, 1),
    same_shape=st.booleans(),
)
rollouts = st.builds(
    Rollout,
    task_id=text,
    run_id=text,
    step=st.integers(0, 10**6),
    group=st.integers(0, 99),
    index=st.integers(0, 99),
    test_index=st.integers(0, 3),
    messages_hash=text,
    augmentation=st.none() | augmentations,
    advantage=st.none() | numbers,
    completion=st.builds(
        Completion,
        text=text,
        token_ids=st.lists(st.integers(0, 200_000), max_size=4).map(tuple),
        logprobs=st.lists(numbers, max_size=4).map(tuple),
        finish_reason=st.sampled_from(["stop", "length"]),
        token_texts=st.lists(text, max_size=4).map(tuple),
    ),
    code=st.none() | text,
    execution=st.builds(
        Execution,
        outcome=st.sampled_from(list(Outcome)),
        outputs=st.lists(grids(max_side=4) | failures, max_size=3).map(tuple),
        message=text,
        stdout=text,
        seconds=st.floats(0, 10),
        deterministic=st.none() | st.booleans(),
    ),
    score=st.builds(Score, pairs=st.lists(pair_scores, max_size=3).map(tuple)),
    reward=st.builds(RewardBreakdown, code=numbers, ran=numbers, exact=numbers, pixel=numbers),
)


def encoded(items):
    return [rollout_to_dict(r) for r in items]


@given(rollouts)
def test_a_rollout_survives_json(rollout):
    back = rollout_from_dict(json.loads(json.dumps(rollout_to_dict(rollout))))
    assert rollout_to_dict(back) == rollout_to_dict(rollout)
    assert replace(back, execution=rollout.execution) == rollout  # grids compare in the line above


@given(st.lists(rollouts, max_size=3))
def test_rollouts_survive_the_disk(tmp_path_factory, items):
    path = tmp_path_factory.mktemp("rollouts") / "000001.parquet"
    write_rollouts(path, items)
    assert encoded(read_rollouts(path)) == encoded(items)
    assert [p.name for p in path.parent.iterdir()] == [path.name]


@given(st.lists(rollouts, max_size=3))
def test_the_columns_of_a_file_are_those_of_the_encoded_rollouts(tmp_path_factory, items):
    path = tmp_path_factory.mktemp("rollouts") / "000001.parquet"
    items += [replace(r, index=r.index + 1) for r in items]  # with the executions of the others
    write_rollouts(path, items)
    columns = _PARQUET.names
    assert pq.read_table(path, columns=columns).equals(
        pa.Table.from_pylist(encoded(items), schema=_PARQUET)
    )


@given(rollouts)
def test_every_field_reaches_the_encoder(rollout):
    assert set(rollout_to_dict(rollout)) == {f.name for f in fields(Rollout)}


def example(reward=0.0, **changes):
    return Rollout(
        task_id="t",
        completion=Completion(text=""),
        code=None,
        execution=Execution(outcome=Outcome.OK, outputs=(np.zeros((1, 1), np.int8),)),
        score=Score(pairs=()),
        reward=RewardBreakdown(exact=reward),
        **changes,
    )


def test_a_rollout_from_before_the_check_of_determinism_is_read():
    encoded = rollout_to_dict(example())
    del encoded["execution"]["deterministic"]
    assert rollout_from_dict(encoded).execution.deterministic is None


def test_a_rollout_from_before_the_texts_of_tokens_is_read():
    encoded = rollout_to_dict(example())
    del encoded["completion"]["token_texts"]
    assert rollout_from_dict(encoded).completion.token_texts == ()


def test_a_rollout_of_a_newer_schema_is_refused():
    encoded = rollout_to_dict(example()) | {"schema": SCHEMA + 1}
    with pytest.raises(UserError, match=f"reads up to {SCHEMA}"):
        rollout_from_dict(encoded)


def test_a_write_that_fails_leaves_the_old_file(tmp_path):
    path = tmp_path / "000001.parquet"
    write_rollouts(path, [example(1.0)])

    def breaks():
        yield example(2.0)
        raise OSError("no space left")

    with pytest.raises(OSError, match="no space"):
        write_rollouts(path, breaks())
    assert [r.reward.total for r in read_rollouts(path)] == [1.0]


@settings(max_examples=25)
@given(st.lists(rollouts, min_size=1, max_size=4))
def test_a_file_of_rollouts_can_be_filtered_without_python(tmp_path_factory, items):
    path = tmp_path_factory.mktemp("rollouts") / "000001.parquet"
    write_rollouts(path, items)
    for r, row in zip(items, pq.read_table(path).to_pylist(), strict=True):
        assert row["reward_total"] == pytest.approx(sum(row["reward"].values()))
        assert row["solved"] == (bool(row["score"]) and all(p["exact"] for p in row["score"]))
        assert row["outcome"] == row["execution"]["outcome"]
        assert row["num_tokens"] == len(row["completion"]["token_ids"])
        known = row["completion"]["logprobs"]
        assert row["logprob_min"] == min(known, default=None)
        if known:
            assert row["logprob_sum"] == pytest.approx(sum(known))
            assert row["logprob_mean"] == pytest.approx(sum(known) / len(known))
        assert row["advantage"] == r.advantage
    above = pq.read_table(path, filters=[("reward_total", ">", 0.0)], columns=["reward_total"])
    assert len(above) == sum(r.reward.total > 0 for r in items)


def test_a_token_without_a_number_counts_in_no_summary():
    completion = Completion(text="", logprobs=(-1.0, float("nan"), -3.0))
    assert (completion.logprob_sum, completion.logprob_mean) == (-4.0, -2.0)
    assert completion.logprob_min == -3.0
    assert Completion(text="", logprobs=(float("nan"),)).logprob_mean is None


def test_a_group_has_signal_only_if_its_rewards_differ():
    assert not RolloutGroup(rollouts=(example(1.0), example(1.0))).has_signal
    assert not RolloutGroup(rollouts=(example(1.0),)).has_signal
    assert RolloutGroup(rollouts=(example(1.0), example(0.0))).has_signal


def test_rollouts_are_gathered_by_step_and_group():
    items = [example(step=1, group=g) for g in (0, 1, 0)] + [example(step=2, group=0)]
    assert [len(g.rollouts) for g in groups(items)] == [2, 1, 1]
