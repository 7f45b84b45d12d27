import json
from dataclasses import replace

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from arcbench.errors import UserError
from arcbench.policies.base import Completion
from arcbench.rewards import RewardBreakdown
from arcbench.rollout_index import (
    INDEX,
    ORDERS,
    RolloutFilter,
    RolloutIndex,
    RolloutRow,
    index_line,
    rewind_index,
)
from arcbench.rollouts import Rollout, write_rollouts
from arcbench.sandbox.types import Execution, Outcome
from arcbench.scoring import Score
from tests.test_rollouts import rollouts

steps = st.lists(st.lists(rollouts, min_size=1, max_size=4), min_size=1, max_size=4)


def placed(drawn: list[list[Rollout]]) -> dict[int, list[Rollout]]:
    return {
        step: [replace(r, step=step, group=0, index=i) for i, r in enumerate(row)]
        for step, row in enumerate(drawn, start=1)
    }


def write(folder, run, *, indexed=True):
    for step, row in run.items():
        write_rollouts(folder / f"{step:06d}.parquet", row)
        if indexed:
            with (folder / INDEX).open("a") as sink:
                sink.write(index_line(step, row))


def index(folder) -> RolloutIndex:
    found = RolloutIndex(folder=folder)
    found.refresh()
    return found


def expected(rollout: Rollout) -> tuple[object, ...]:
    r = rollout
    return (r.step, r.task_id, r.index, r.execution.outcome.value, r.solved, r.reward.total)


def got(row: RolloutRow) -> tuple[object, ...]:
    return (row.step, row.task_id, row.index, row.outcome, row.solved, row.reward)


@given(drawn=steps, indexed=st.booleans())
@settings(max_examples=25, deadline=None)
def test_the_index_and_the_files_themselves_tell_the_same(tmp_path_factory, drawn, indexed):
    folder = tmp_path_factory.mktemp("rollouts")
    run = placed(drawn)
    write(folder, run, indexed=indexed)
    page = index(folder).page(limit=None)
    assert page.total == sum(map(len, drawn))
    newest_first = [r for step in sorted(run, reverse=True) for r in run[step]]
    assert [got(row) for row in page.rows] == [expected(r) for r in newest_first]


@given(drawn=steps, order=st.sampled_from(list(ORDERS)), limit=st.integers(1, 3))
@settings(max_examples=25, deadline=None)
def test_pages_behind_one_another_are_the_whole_in_order(tmp_path_factory, drawn, order, limit):
    folder = tmp_path_factory.mktemp("rollouts")
    write(folder, placed(drawn))
    found = index(folder)
    whole = found.page(order=order, limit=None)
    pages = [
        found.page(order=order, offset=i, limit=limit).rows for i in range(0, whole.total, limit)
    ]
    assert [row for page in pages for row in page] == list(whole.rows)
    rewards = [row.reward for row in whole.rows]
    if order == "best":
        assert rewards == sorted(rewards, reverse=True)


@given(drawn=steps, data=st.data())
@settings(max_examples=40, deadline=None)
def test_a_filter_takes_just_what_it_says(tmp_path_factory, drawn, data):
    folder = tmp_path_factory.mktemp("rollouts")
    write(folder, placed(drawn))
    found = index(folder)
    rows = found.page(limit=None).rows
    some = data.draw(st.sampled_from(rows))
    kept = {
        "task_id": lambda r: r.task_id == some.task_id,
        "outcome": lambda r: r.outcome == some.outcome,
        "solved": lambda r: r.solved == some.solved,
        "min_reward": lambda r: r.reward >= some.reward,
        "max_reward": lambda r: r.reward <= some.reward,
        "first_step": lambda r: r.step >= some.step,
        "last_step": lambda r: r.step <= some.step,
    }
    names = data.draw(st.sets(st.sampled_from(list(kept))))
    values = {
        name: some.reward
        if name.endswith("reward")
        else some.step
        if name.endswith("step")
        else getattr(some, name)
        for name in names
    }
    page = found.page(RolloutFilter(**values), limit=None)
    assert list(page.rows) == [r for r in rows if all(kept[n](r) for n in names)]


def three_steps() -> dict[int, list[Rollout]]:
    one = judged("def transform(grid):\n    return grid")
    return placed([[one, one], [one], [one, one, one]])


def judged(code: str) -> Rollout:
    return Rollout(
        task_id="67a3c6ac",
        completion=Completion(text=code, token_ids=(1, 2, 3)),
        code=code,
        execution=Execution(outcome=Outcome.OK, outputs=(), message="", stdout="", seconds=0.0),
        score=Score(pairs=()),
        reward=RewardBreakdown(code=1.0),
    )


def test_a_run_that_goes_on_is_followed(tmp_path):
    run = three_steps()
    write(tmp_path, {1: run[1]})
    found = index(tmp_path)
    assert found.steps == [1]
    write(tmp_path, {2: run[2], 3: run[3]})
    found.refresh()
    assert found.steps == [1, 2, 3]
    assert found.page().total == 6
    assert found.tasks() == ["67a3c6ac"]


def test_a_run_that_was_rewound_is_read_anew(tmp_path):
    run = three_steps()
    write(tmp_path, run)
    found = index(tmp_path)
    (tmp_path / "000003.parquet").unlink()
    (tmp_path / "000002.parquet").unlink()
    rewind_index(tmp_path, 1)
    found.refresh()
    assert found.steps == [1]
    write(tmp_path, {2: run[3]})
    found.refresh()
    assert found.page(RolloutFilter(first_step=2)).total == 3


def test_a_kill_between_the_two_writes_or_within_a_line_loses_nothing(tmp_path):
    run = three_steps()
    write(tmp_path, {1: run[1], 2: run[2]})
    write(tmp_path, {3: run[3]}, indexed=False)
    with (tmp_path / INDEX).open("a") as sink:
        sink.write(index_line(3, run[3])[:40])
    found = index(tmp_path)
    assert found.steps == [1, 2, 3]
    assert found.page().total == 6
    rewind_index(tmp_path, 2)
    assert [json.loads(x)["step"] for x in (tmp_path / INDEX).read_text().splitlines()] == [1, 2]


def test_equal_programs_are_told_by_their_name(tmp_path):
    same, other = judged("x = 1"), judged("x = 2")
    write(tmp_path, placed([[same, other, same, replace(same, code=None)]]))
    names = [row.program for row in index(tmp_path).page().rows]
    assert names[0] == names[2] != names[1]
    assert names[3] == ""


def test_an_order_that_is_not_there_is_named_with_those_that_are(tmp_path):
    write(tmp_path, three_steps())
    with pytest.raises(UserError, match=r"'loudest'.*newest"):
        index(tmp_path).page(order="loudest")


def test_an_empty_run_has_an_empty_page(tmp_path):
    assert index(tmp_path).page().total == 0
    assert index(tmp_path).tasks() == []
