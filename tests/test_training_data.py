import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from arcbench.errors import UserError
from arcbench.grids import as_grid
from arcbench.policies.base import Completion
from arcbench.prompts import PromptTemplate
from arcbench.rewards import scheme
from arcbench.rollouts import Rollout
from arcbench.sandbox.types import Outcome, failed
from arcbench.scoring import Score
from arcbench.tasks import Pair, Task
from arcbench.training.config import DataConfig, TrainConfig
from arcbench.training.data import PromptSource, prompt_source
from tests.strategies import tasks as any_task

TEMPLATE = PromptTemplate.load("arcbench")


def make_task(name: str, num_test: int = 2) -> Task:
    rng = np.random.default_rng(int(name))
    pairs = [
        Pair(
            input=as_grid(rng.integers(0, 10, (2, 3))), output=as_grid(rng.integers(0, 10, (3, 2)))
        )
        for _ in range(3 + num_test)
    ]
    return Task(id=name, train=tuple(pairs[:3]), test=tuple(pairs[3:]))


TASKS = tuple(make_task(str(i)) for i in range(5))


def make_source(
    seed: int = 0, augment: bool = True, tasks: tuple[Task, ...] = TASKS
) -> PromptSource:
    return PromptSource(tasks=tasks, template=TEMPLATE, data=DataConfig(augment=augment), seed=seed)


def rollout_of(row) -> Rollout:
    return Rollout(
        task_id=row.task.id, completion=Completion(text=""), code=None,
        execution=failed(Outcome.NO_CODE, 1), score=Score(pairs=()),
        reward=scheme("staged").reward(has_code=False, score=Score(pairs=())),
        test_index=row.test_index, augmentation=row.augmentation, messages_hash=row.hash,
    )  # fmt: skip


@settings(max_examples=40, deadline=None)
@given(index=st.integers(0, 10**9), seed=st.integers(0, 2**31), augment=st.booleans())
def test_a_prompt_depends_on_seed_and_index_alone_and_comes_back_from_its_rollout(
    index, seed, augment
):
    row = make_source(seed, augment).row(index)
    again = make_source(seed, augment).row(index)
    assert row == again
    rebuilt = make_source(seed + 1, augment).rebuild(rollout_of(row))
    assert rebuilt.messages == row.messages
    assert rebuilt.task == row.task


def test_every_round_has_each_task_once_in_an_order_of_its_own():
    source = make_source()
    rounds = [[source.row(r * 5 + i).task.id for i in range(5)] for r in range(8)]
    assert all(sorted(ids) == sorted(t.id for t in TASKS) for ids in rounds)
    assert len({tuple(ids) for ids in rounds}) > 1


def test_both_test_inputs_and_many_augmentations_are_shown():
    rows = [make_source().row(i) for i in range(40)]
    assert {r.test_index for r in rows} == {0, 1}
    assert len({r.hash for r in rows}) > 35
    plain = [make_source(augment=False).row(i) for i in range(40)]
    assert len({r.hash for r in plain}) == 10
    assert {id(r.task) for r in plain} == {id(t) for t in TASKS}


@settings(max_examples=20, deadline=None)
@given(task=any_task())
def test_an_augmented_row_has_the_answer_of_its_own_grids(task):
    row = make_source(tasks=(task,)).row(3)
    assert row.augmentation.invert(row.task) == task


def test_a_rollout_of_another_template_is_refused():
    rollout = rollout_of(make_source().row(0))
    other = PromptSource(
        tasks=TASKS, template=PromptTemplate.load("arcbench-compact"), data=DataConfig(), seed=0
    )
    with pytest.raises(UserError, match="another template than arcbench-compact"):
        other.rebuild(rollout)
    with pytest.raises(UserError, match="not among the 1 tasks"):
        make_source(tasks=(make_task("77"),)).rebuild(rollout)


def test_tasks_with_long_prompts_are_left_out_and_named():
    ids = ("67a3c6ac", "68b16354")
    config = TrainConfig.from_dict({"data": {"tasks": list(ids)}})
    lengths = iter([100, 5000])
    source, (left_out,) = prompt_source(config, lambda _: next(lengths))
    assert [t.id for t in source.tasks] == ["67a3c6ac"]
    assert str(left_out) == "1 with prompts of more than 4096 tokens: 68b16354"
    with pytest.raises(UserError, match="2 have prompts of more than"):
        prompt_source(config, lambda _: 5000)


def test_an_unknown_task_is_named():
    config = TrainConfig.from_dict({"data": {"tasks": ["nonsense"]}})
    with pytest.raises(UserError, match=r"unknown task of .*'nonsense'"):
        prompt_source(config, lambda _: 1)
