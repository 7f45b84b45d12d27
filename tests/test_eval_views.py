import dataclasses
from itertools import pairwise

import numpy as np
from hypothesis import given, settings
from hypothesis import strategies as st

from arcbench.evaluation.record import record
from arcbench.evaluation.views import Prompts, runs_of, view
from arcbench.grids import same_grid
from arcbench.judge import score_execution
from arcbench.policies.base import Completion
from arcbench.prompts import PromptTemplate
from arcbench.rewards import scheme
from arcbench.rollouts import Rollout
from arcbench.sandbox.types import Execution, Outcome
from arcbench.tasks import load_tasks
from tests.strategies import tasks

TEMPLATE = PromptTemplate.load("arcbench")


def prompts_for(all_tasks, *, views=3, seed=0, only=None):
    chosen = {t.id: t for t in all_tasks if only is None or t.id in only}
    places = {t.id: i for i, t in enumerate(all_tasks)}
    return Prompts(tasks=chosen, places=places, views=views, seed=seed, template=TEMPLATE)


@given(task=tasks(), number=st.integers(0, 20), seed=st.integers(0, 5))
def test_a_program_that_solves_a_view_solves_the_task_once_the_view_is_undone(task, number, seed):
    seen = view(task, number, seed=seed, template=TEMPLATE)
    # What a right program draws: the outputs of the task as the policy saw it.
    outputs = tuple(pair.output for _, pair in seen.task.pairs)
    execution = Execution(outcome=Outcome.OK, outputs=outputs)
    score = score_execution(seen.task, execution)
    rollout = Rollout(
        task_id=task.id,
        completion=Completion(text=""),
        code="",
        execution=execution,
        score=score,
        reward=scheme("staged").reward(has_code=True, score=score),
        augmentation=seen.augmentation,
    )
    kept = record(rollout)
    assert kept.score.solved
    for drawn, (_, pair) in zip(kept.outputs, task.pairs, strict=True):
        assert same_grid(drawn, pair.output)


@given(task=tasks(), seed=st.integers(0, 5))
def test_view_0_is_the_task_as_it_is(task, seed):
    seen = view(task, 0, seed=seed, template=TEMPLATE)
    assert seen.augmentation is None
    assert seen.task == task
    assert list(seen.messages) == TEMPLATE.messages(task, 0)


@given(task=tasks(), number=st.integers(1, 9))
def test_a_view_follows_from_the_seed_the_task_and_its_number(task, number):
    one, other = (view(task, number, seed=3, template=TEMPLATE) for _ in range(2))
    assert one == other
    assert one.test_index == number % len(task.test)
    assert list(one.messages) == TEMPLATE.messages(one.task, one.test_index)


def test_views_of_a_task_differ_from_each_other_and_between_seeds_and_tasks():
    some = list(load_tasks("arc-agi-1", "training").values())[:4]
    drawn = {
        str(view(t, number, seed=seed, template=TEMPLATE).augmentation)
        for t in some
        for number in range(1, 6)
        for seed in range(3)
    }
    assert len(drawn) == 4 * 5 * 3


@settings(max_examples=30)
@given(
    all_tasks=st.lists(tasks(max_side=2), min_size=1, max_size=4, unique_by=lambda t: t.id),
    views=st.integers(1, 5),
    drawn=st.data(),
)
def test_what_is_missing_is_asked_once_and_comes_back_as_what_it_was(all_tasks, views, drawn):
    prompts = prompts_for(all_tasks, views=views)
    numbers = st.lists(st.integers(0, 30), unique=True).map(sorted)
    missing = {t.id: drawn.draw(numbers) for t in all_tasks}
    asks = prompts.asks(missing)
    asked = [prompts.sample(ask.prompt_index, j) for ask in asks for j in ask.numbers]
    assert sorted(asked) == sorted((t, j) for t, samples in missing.items() for j in samples)
    for ask in asks:
        task_id, index = prompts.sample(ask.prompt_index, ask.first_sample)
        attempt = prompts.attempt(task_id, index, Completion(text=""))
        seen = prompts.view(task_id, index % views)
        assert ask.messages == seen.messages
        assert (attempt.task, attempt.augmentation) == (seen.task, seen.augmentation)


@settings(max_examples=30)
@given(all_tasks=st.lists(tasks(max_side=2), min_size=2, max_size=4, unique_by=lambda t: t.id))
def test_what_chooses_the_noise_of_a_sample_is_the_same_whatever_else_is_evaluated(all_tasks):
    last = all_tasks[-1].id
    every, alone = prompts_for(all_tasks, views=4), prompts_for(all_tasks, views=2, only={last})
    (ask,) = (a for a in every.asks({last: range(8)}) if a.prompt_index == every.number(last, 1))
    (same,) = (a for a in alone.asks({last: range(4)}) if a.prompt_index == every.number(last, 1))
    assert ask == same


@given(st.sets(st.integers(0, 50)))
def test_runs_are_the_same_numbers_and_never_touch(numbers):
    runs = runs_of(sorted(numbers))
    assert [j for run in runs for j in run] == sorted(numbers)
    assert all(a.stop < b.start for a, b in pairwise(runs))


def test_the_digest_changes_with_an_expected_output_and_with_the_template():
    task = next(iter(load_tasks("arc-agi-1", "training").values()))
    digest = prompts_for([task]).digest()
    assert digest == prompts_for([task]).digest()
    pair = dataclasses.replace(task.test[0], output=np.zeros((1, 1), dtype=np.int8))
    other = dataclasses.replace(task, test=(pair,))
    assert prompts_for([other]).digest() != digest
    wording = dataclasses.replace(TEMPLATE, request="Go on.")
    reworded = dataclasses.replace(prompts_for([task]), template=wording)
    assert reworded.digest() != digest
