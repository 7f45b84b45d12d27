from dataclasses import replace

import pytest

from arcbench import series
from arcbench.policies.base import Completion
from arcbench.rewards import RewardBreakdown
from arcbench.rollouts import Rollout, RolloutGroup
from arcbench.sandbox.types import Execution, Outcome
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
