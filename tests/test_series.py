from dataclasses import replace
from typing import Any

import numpy as np
import pytest

from arcbench import series
from arcbench.policies.base import Completion, FinishReason
from arcbench.rewards import RewardBreakdown
from arcbench.rollouts import Rollout, RolloutGroup
from arcbench.sandbox.types import Execution, Failure, Outcome
from arcbench.scoring import PairScore, Score


def make(reward: float, solved: bool, code: str | None, outcome: Outcome, tokens: int) -> Rollout:
    pair = PairScore(split="train", valid=solved, exact=solved, pixel=1.0, same_shape=True)
    return Rollout(
        task_id="t",
        completion=Completion(text="", token_ids=tuple(range(tokens))),
        code=code,
        execution=Execution(outcome=outcome, outputs=()),
        score=Score(pairs=(pair,)),
        reward=RewardBreakdown(code=1.0 if code else 0.0, exact=reward),
    )


MIXED = RolloutGroup(
    rollouts=(
        make(1.0, True, "a", Outcome.OK, 10),
        make(0.0, False, "a", Outcome.RAISED, 20),
        make(0.0, False, None, Outcome.NO_CODE, 30),
    )
)
FLAT = RolloutGroup(rollouts=(make(0.0, False, None, Outcome.NO_CODE, 40),) * 2)


def test_the_metrics_of_two_groups():
    m = series.measure([MIXED, FLAT])
    assert m[series.REWARD_MEAN] == pytest.approx((2 + 1 + 0 + 0 + 0) / 5)
    assert m[series.REWARD_STD] == pytest.approx(0.8)
    assert m["reward/code"] == pytest.approx(2 / 5)
    assert m["reward/exact"] == pytest.approx(1 / 5)
    assert m[series.SOLVE_RATE] == pytest.approx(1 / 5)
    assert m[series.GROUP_NO_SIGNAL] == pytest.approx(1 / 2)
    assert m[series.GROUP_SOLVED] == pytest.approx(1 / 2)
    assert m[series.LENGTH_MEAN] == pytest.approx(28)
    assert m[series.LENGTH_MAX] == 40
    assert m[series.LENGTH_TRUNCATED] == 0
    assert m[series.UNIQUE_PROGRAMS] == pytest.approx(1 / 5)
    assert m["outcome/no_code"] == pytest.approx(3 / 5)
    assert sum(m[series.OUTCOME.format(o.value)] for o in Outcome) == pytest.approx(1)
    parts = [m[series.REWARD_PART.format(p)] for p in RewardBreakdown().parts]
    assert sum(parts) == pytest.approx(m[series.REWARD_MEAN])


def test_cut_completions_are_counted():
    cut = make(0.0, False, None, Outcome.NO_CODE, 4)
    cut = replace(cut, completion=Completion(text="", token_ids=(1,), finish_reason="length"))
    m = series.measure([RolloutGroup(rollouts=(cut, *FLAT.rollouts))])
    assert m[series.LENGTH_TRUNCATED] == pytest.approx(1 / 3)


def test_of_the_trainers_log_only_what_it_has_is_taken():
    assert series.trainer_metrics({"loss": 1, "kl": None, "other": 2}) == {"train/loss": 1.0}


def test_groups_tell_how_different_their_rollouts_are():
    m = series.group_metrics([MIXED, FLAT])
    assert m[series.GROUP_ALL_SOLVED] == 0
    assert m[series.GROUP_NONE_SOLVED] == pytest.approx(1 / 2)
    spread = np.std([2.0, 1.0, 0.0])
    assert m[series.GROUP_REWARD_STD] == pytest.approx((spread + 0) / 2)
    assert m[series.GROUP_UNIQUE_PROGRAMS] == pytest.approx((1 / 3 + 0) / 2)
    solved = RolloutGroup(rollouts=MIXED.rollouts[:1] * 2)
    assert series.group_metrics([solved, MIXED])[series.GROUP_ALL_SOLVED] == pytest.approx(1 / 2)


def test_programs_that_draw_the_same_count_once_however_they_are_written():
    red, blue = np.full((2, 2), 2, dtype=np.int8), np.full((2, 2), 1, dtype=np.int8)
    failure = Failure(outcome=Outcome.RAISED)

    def drawing(code: str, *outputs: Any) -> Rollout:
        rollout = make(0.0, False, code, Outcome.OK, 1)
        return replace(rollout, execution=Execution(outcome=Outcome.OK, outputs=outputs))

    same = [drawing("a", red, blue), drawing("b", red.copy(), blue)]
    assert series.unique_programs(same) == 1
    assert series.unique_outputs(same) == 1 / 2
    other = [*same, drawing("c", blue, red), drawing("d", red, failure)]
    assert series.unique_outputs(other) == 3 / 4
    assert series.unique_outputs([drawing("e", failure, failure)]) == 0


def test_lengths_of_those_that_ended_are_told_apart_from_those_that_were_cut():
    def written(tokens: int, reason: FinishReason) -> Completion:
        return Completion(text="", token_ids=tuple(range(tokens)), finish_reason=reason)

    m = series.length_metrics([written(2, "stop"), written(4, "stop"), written(9, "length")])
    assert (m[series.LENGTH_ENDED], m[series.LENGTH_MEAN]) == (3, 5)
    assert (m[series.LENGTH_MIN], m[series.LENGTH_MAX]) == (2, 9)
    assert m[series.LENGTH_STD] == pytest.approx(np.std([2, 4, 9]))
    assert series.LENGTH_ENDED not in series.length_metrics([written(9, "length")])


def test_programs_that_fail_are_counted_among_programs():
    outcomes = (Outcome.OK, Outcome.RAISED, Outcome.TIMEOUT, Outcome.NO_CODE, Outcome.SYNTAX_ERROR)
    m = series.execution_metrics([make(0.0, False, "a", o, 1) for o in outcomes])
    assert m[series.NO_PROGRAM] == pytest.approx(2 / 5)
    assert m[series.FAILED] == pytest.approx(2 / 3)
    none = series.execution_metrics([make(0.0, False, None, Outcome.NO_CODE, 1)])
    assert none == {series.NO_PROGRAM: 1}


def test_every_name_of_the_trainer_has_one_of_ours():
    told = series.trainer_metrics({"clip_ratio/high_mean": 0.25, "cispo_clip_ratio": None})
    assert told == {series.CLIPPED_HIGH: 0.25}
    assert series.trainer_metrics({"cispo_clip_ratio": 0.5}) == {series.CLIPPED_HIGH: 0.5}


def test_the_gain_is_over_what_the_same_tasks_earned_at_first():
    assert series.reward_gain([MIXED, FLAT], {}) == {}
    assert series.reward_gain([MIXED, FLAT], {"another": 5.0}) == {}
    gain = series.reward_gain([MIXED, FLAT], {"t": 0.25})
    assert gain == {series.REWARD_GAIN: pytest.approx((1.0 + 0.0) / 2 - 0.25)}
