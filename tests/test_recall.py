"""How likely the policy still finds what solved tasks: what is kept of them, and what is left."""

import json
from dataclasses import replace
from math import log

import pytest

from arcbench import series
from arcbench.policies.base import Completion
from arcbench.rollouts import RolloutGroup
from arcbench.training.recall import CLOSE, FILE, MOST, Recall
from tests.test_series import FLAT, MIXED


def prompt():
    return [{"role": "user", "content": "?"}]


def group(task: str, *logprobs: float, solves: bool = True) -> RolloutGroup:
    """A rollout for each log-probability, of two tokens."""
    base = MIXED.rollouts[0] if solves else FLAT.rollouts[0]
    return RolloutGroup(
        rollouts=tuple(
            replace(
                base,
                task_id=task,
                completion=Completion(text=task, token_ids=(7, i), logprobs=(p, 0.0)),
            )
            for i, p in enumerate(logprobs)
        )
    )


class Policy:
    """To it every program has become so much likelier, in nats, than -1."""

    def __init__(self, change: float = 0.0) -> None:
        self.change, self.asked = change, []

    def score(self, probes):
        self.asked.append([p.completion_ids for p in probes])
        return [[-1.0 + self.change, 0.0] for _ in probes]

    def recall(self, folder, completions: int = 64) -> Recall:
        return Recall.open(
            folder, completions, score=self.score, prompt_ids=lambda messages: [1, 2]
        )


def test_nothing_is_told_before_a_task_was_solved(tmp_path):
    recall = Policy().recall(tmp_path)
    recall.see(1, group("a", -1.0, solves=False), prompt)
    assert recall.metrics(1) == recall.metrics(2) == {}


def test_what_is_left_is_the_share_of_the_probability_when_it_was_drawn(tmp_path):
    policy = Policy()
    recall = policy.recall(tmp_path)
    recall.see(1, group("a", -4.0, -1.0), prompt)  # of two that solve, the likelier
    assert recall.metrics(1) == {}  # drawn in this very step
    for change, left in ((0.0, 1.0), (log(0.25), 0.25), (2.0, 1.0), (float("nan"), 0.0)):
        policy.change = change
        assert recall.metrics(2) == {series.RECALL: pytest.approx(left)}
    assert policy.asked[0] == [(7, 1)]


def test_a_task_has_one_program_and_there_is_an_end_of_tasks(tmp_path):
    policy = Policy()
    recall = policy.recall(tmp_path, completions=64 * 2 * MOST)
    for step in range(1, MOST + 9):
        recall.see(step, group(f"t{step}", -1.0), prompt)
        recall.see(step, group("t1", -0.5), prompt)
    for step in range(100, 100 + MOST):
        recall.metrics(step)
    asked = [ids for both in policy.asked for ids in both]
    assert len(asked) == 2 * MOST
    assert len(json.loads((tmp_path / FILE).read_text())) == MOST


def test_programs_are_scored_in_turns(tmp_path):
    policy = Policy()
    recall = policy.recall(tmp_path, completions=16)
    for i in range(3):
        recall.see(1, RolloutGroup(rollouts=group(f"t{i}", *[-9.0] * i, -1.0).rollouts), prompt)
    for step in range(2, 8):
        recall.metrics(step)
    assert [ids[0][1] for ids in policy.asked] == [1, 2, 0, 1, 2, 0]


@pytest.mark.parametrize(
    ("completions", "scored"), [(8, 8), (16, 16), (24, 21), (64, 64), (512, 128)]
)
def test_scores_are_a_small_share_of_a_step_but_for_the_first_ones(tmp_path, completions, scored):
    recall = Policy().recall(tmp_path, completions)
    late = [recall.turns(step) for step in range(CLOSE + 1, CLOSE + 65)]
    assert sum(map(len, late)) == scored
    every = [n for step in range(1, CLOSE + 65) for n in recall.turns(step)]
    assert every == list(range(len(every)))  # all in turn, from the first step on
    assert all(recall.turns(step) for step in range(1, CLOSE + 1))


def test_a_resumed_run_scores_what_an_unbroken_one_does(tmp_path):
    course = {step: group(f"t{step}", -1.0 - step) for step in range(1, 6)}

    def told(recall: Recall, begin: int = 1) -> list:
        figures = []
        for step, drawn in course.items():
            if step >= begin:
                recall.see(step, drawn, prompt)
                figures.append(recall.metrics(step))
        return figures

    whole = told(Policy(-3.0).recall(tmp_path))
    assert (tmp_path / FILE).is_file()
    for begin in range(1, 6):
        assert told(Policy(-3.0).recall(tmp_path), begin) == whole[begin - 1 :]


def test_completions_without_log_probabilities_are_of_no_use(tmp_path):
    recall = Policy().recall(tmp_path)
    bare = group("a", -1.0)
    bare = RolloutGroup(
        rollouts=tuple(
            replace(r, completion=Completion(text="", token_ids=(1, 2))) for r in bare.rollouts
        )
    )
    recall.see(1, bare, prompt)
    assert recall.metrics(2) == {}
