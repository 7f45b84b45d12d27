"""What a run's tasks earned at first: measured before, or in their first group."""

from dataclasses import replace

import pytest

from arcbench import series
from arcbench.rollouts import RolloutGroup
from arcbench.training.task_rewards import FILE, TaskRewards
from tests.test_series import MIXED


def group(task: str, reward: float) -> RolloutGroup:
    one = MIXED.rollouts[0]
    earned = replace(one, task_id=task, reward=replace(one.reward, code=0.0, exact=reward))
    return RolloutGroup(rollouts=(earned, earned))


def gain(rewards: TaskRewards, step: int, *groups: RolloutGroup) -> float | None:
    return rewards.gain(step, groups).get(series.REWARD_GAIN)


def test_a_task_is_held_against_its_first_group_and_a_new_one_against_nothing(tmp_path):
    rewards = TaskRewards.open(tmp_path, {})
    assert gain(rewards, 1, group("a", 1.0)) is None
    assert gain(rewards, 2, group("a", 3.0), group("b", 9.0)) == 2.0
    assert gain(rewards, 3, group("a", 2.0), group("b", 6.0)) == pytest.approx((1 - 3) / 2)


def test_what_was_measured_before_training_counts_from_the_first_step(tmp_path):
    rewards = TaskRewards.open(tmp_path, {"a": 2.5})
    assert gain(rewards, 1, group("a", 1.0)) == -1.5
    assert not (tmp_path / FILE).exists()  # it is in the measurement already


def test_a_resumed_run_tells_what_an_unbroken_one_does(tmp_path):
    course = [(1, group("a", 1.0)), (2, group("b", 5.0)), (3, group("a", 4.0)), (4, group("b", 1))]
    unbroken = TaskRewards.open(tmp_path, {})
    told = [gain(unbroken, step, g) for step, g in course]
    for begin in range(1, 5):  # from each step on again: killed, or gone back to a checkpoint
        again = TaskRewards.open(tmp_path, {})
        assert [gain(again, s, g) for s, g in course if s >= begin] == told[begin - 1 :]


def test_two_groups_of_a_new_task_in_one_step_are_known_together(tmp_path):
    rewards = TaskRewards.open(tmp_path, {})
    assert gain(rewards, 1, group("a", 1.0), group("a", 3.0)) is None
    assert gain(rewards, 2, group("a", 4.0)) == 2.0
