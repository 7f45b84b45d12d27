"""Judging without end: attempts that come while others are judged, in bounded memory."""

import threading
import time
from collections import Counter
from contextlib import closing

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from arcbench.grids import as_grid
from arcbench.judge import Attempt, Judge
from arcbench.policies.base import Completion
from arcbench.rewards import SCHEMES
from arcbench.rollouts import rollout_to_dict
from arcbench.sandbox import Limits, Outcome, Program, SandboxPool, failed
from arcbench.sandbox.flow import flow
from arcbench.tasks import Pair, Task

PATIENCE_S = 30  # for what comes at once, but on a busy machine
FLIP = Task(
    id="flip",
    train=(Pair(input=as_grid([[1, 2], [3, 4]]), output=as_grid([[2, 1], [4, 3]])),),
    test=(Pair(input=as_grid([[7, 8, 9]]), output=as_grid([[9, 8, 7]])),),
)
MIRROR = Task(
    id="mirror",
    train=(Pair(input=as_grid([[1, 2], [3, 4]]), output=as_grid([[3, 4], [1, 2]])),),
    test=(),
)


def written(body):
    return f"```python\nimport time\ndef transform(grid):\n    {body}\n```"


RIGHT = written("return grid[:, ::-1]")
SAME = written("return grid")
RAISES = written("return 1 / 0")
SLOW = written("time.sleep(0.5); return grid[:, ::-1]")
ENDLESS = written("while True: pass")
CLOCK = written("return [[int(d) for d in str(time.perf_counter_ns())[-9:]]]")
NONE = "no program"


def attempt(text, index=0, task=FLIP):
    return Attempt(task=task, completion=Completion(text=text), index=index)


def attempts(texts):
    return (attempt(text, i) for i, text in enumerate(texts))


def told(rollouts):
    """All that does not depend on the clock."""
    encoded = [rollout_to_dict(r) for r in rollouts]
    for one in encoded:
        del one["execution"]["seconds"]
    return encoded


@pytest.fixture(scope="module")
def pool():
    with SandboxPool(workers=2, limits=Limits(timeout_s=1.0)) as pool:
        yield pool


@pytest.fixture(scope="module")
def judge(pool):
    return Judge(pool=pool, scheme=SCHEMES["staged"])


@given(
    st.lists(st.sampled_from([RIGHT, SAME, RAISES, NONE]), max_size=12),
    st.booleans(),
    st.booleans(),
)
@settings(max_examples=25, deadline=None)
def test_a_flow_gives_the_rollouts_of_all_attempts_however_it_is_set(judge, texts, in_order, reuse):
    expected = told(judge.judge(list(attempts(texts)), run_id="r", step=2))
    found = list(judge.flow(attempts(texts), run_id="r", step=2, in_order=in_order, reuse=reuse))
    if not in_order:
        found.sort(key=lambda r: r.index)
    assert told(found) == expected


def test_rollouts_come_while_their_source_still_writes(judge):
    seen = threading.Event()

    def slow_source():
        yield attempt(RIGHT, 0)
        assert seen.wait(PATIENCE_S), "the first rollout did not come before the second attempt"
        yield attempt(SAME, 1)

    found = []
    for rollout in judge.flow(slow_source()):
        found.append(rollout.solved)
        seen.set()
    assert found == [True, False]


@pytest.mark.slow
def test_a_slow_program_holds_up_no_other_but_where_they_keep_their_order(judge):
    texts = [SLOW, *[RIGHT] * 30, ENDLESS, SAME]
    free = [r.index for r in judge.flow(attempts(texts))]
    assert sorted(free) == list(range(33))
    assert set(free[-2:]) >= {31}  # it ended at its deadline, when the others were long done
    assert free[0] != 0
    kept = list(judge.flow(attempts(texts), in_order=True))
    assert [r.index for r in kept] == list(range(33))
    assert kept[31].execution.outcome is Outcome.TIMEOUT


@pytest.mark.parametrize("in_order", [False, True])
def test_a_reader_that_does_not_read_is_waited_for(pool, in_order):
    pulled = []

    def work():
        for i in range(10_000):
            pulled.append(i)
            yield i, failed(Outcome.NO_CODE, 1)

    with closing(flow(pool, work(), window=20, in_order=in_order)) as flowing:
        next(flowing)
        wait_for(lambda: len(pulled) >= 20)
        pool.run([Program(code=code_of(SAME), inputs=FLIP.inputs)] * 20)  # time for more
        assert len(pulled) <= 22  # one was taken, one waits for room
        for _ in range(1000):
            next(flowing)
        assert len(pulled) <= 1023


@pytest.mark.slow
def test_what_waits_for_a_slow_program_before_it_is_bounded(pool):
    pulled = []

    def work():
        for i in range(200):
            pulled.append(i)
            yield i, Program(code=code_of(SLOW if i == 0 else SAME), inputs=FLIP.inputs)

    with closing(flow(pool, work(), window=40, in_order=True)) as flowing:
        assert next(flowing)[0] == 0
        assert len(pulled) <= 42
        assert [i for i, _ in flowing] == list(range(1, 200))


def test_an_error_of_the_source_comes_after_what_came_before_it(judge):
    def broken():
        yield from attempts([RIGHT, NONE, SAME])
        raise ConnectionError("the server went away")

    found = []
    with pytest.raises(ConnectionError, match="went away"):
        found.extend(r.index for r in judge.flow(broken()))
    assert sorted(found) == [0, 1, 2]


def test_an_attempt_that_is_none_is_our_own_error_and_raises(judge):
    with pytest.raises(AttributeError):
        list(judge.flow([attempt(RIGHT), "no attempt"]))  # type: ignore[list-item]


@pytest.mark.slow
@pytest.mark.parametrize("text", [RIGHT, NONE, ENDLESS])
def test_a_flow_left_early_closes_its_source_and_blocks_nobody(judge, text):
    closed = threading.Event()

    def endless():
        try:
            while True:
                yield attempt(text)
        finally:
            closed.set()

    source = endless()  # held here, so that nothing but a call closes it
    flowing = judge.flow(source)
    next(flowing)
    flowing.close()
    assert closed.wait(PATIENCE_S)
    assert judge.judge([attempt(RIGHT)])[0].solved


def test_a_flow_may_be_left_while_its_source_blocks(judge):
    go_on, closed = threading.Event(), threading.Event()

    def blocking():
        try:
            yield attempt(RIGHT)
            go_on.wait(PATIENCE_S)
            yield attempt(RIGHT)
            pytest.fail("it was asked for more")
        finally:
            closed.set()

    flowing = judge.flow(blocking())
    next(flowing)
    flowing.close()  # returns though the source does not
    assert not closed.is_set()
    go_on.set()
    assert closed.wait(PATIENCE_S)


def test_an_error_of_the_reader_ends_the_flow():
    closed = threading.Event()

    def endless():
        try:
            while True:
                yield attempt(RIGHT)
        finally:
            closed.set()

    with SandboxPool(workers=1) as pool:
        flowing = Judge(pool=pool, scheme=SCHEMES["staged"]).flow(endless())
        with pytest.raises(ZeroDivisionError):
            sum(1 // 0 for _ in flowing)
        del flowing
        assert closed.wait(PATIENCE_S)


@pytest.mark.parametrize("blocks", [False, True])
def test_a_pool_that_closes_in_the_middle_is_told_and_nobody_waits(blocks):
    go_on = threading.Event()

    def source():
        yield attempt(RIGHT)
        if blocks:
            go_on.wait(PATIENCE_S)
        while True:
            yield attempt(RIGHT)

    pool = SandboxPool(workers=1)
    flowing = Judge(pool=pool, scheme=SCHEMES["staged"]).flow(source())
    next(flowing)
    threading.Timer(0.2, pool.close).start()
    with pytest.raises(RuntimeError, match="closed"):
        for _ in flowing:
            pass
    go_on.set()


def test_several_flows_share_a_pool(judge):
    found = {}

    def use(n):
        texts = [written(f"return [[{n}]]")] * 40
        found[n] = Counter(int(r.execution.outputs[0][0, 0]) for r in judge.flow(attempts(texts)))

    threads = [threading.Thread(target=use, args=(n,)) for n in range(4)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert found == {n: {n: 40} for n in range(4)}


def test_a_program_that_is_reused_runs_once_for_a_task_and_not_for_another(judge):
    texts = [attempt(CLOCK, i) for i in range(12)] + [attempt(CLOCK, i, MIRROR) for i in range(12)]

    def different(**how):
        found = list(judge.flow(texts, **how))
        assert len(found) == 24
        return [
            len({r.execution.outputs[0].tobytes() for r in found if r.task_id == task})
            for task in ("flip", "mirror")
        ]

    assert different(reuse=True) == [1, 1]
    assert different() == [12, 12]


def test_programs_are_forgotten_when_as_many_others_have_run(pool):
    def program(name):
        return name, Program(code=code_of(CLOCK) + f"# {name}", inputs=FLIP.inputs[:1])

    def run(names, remember):
        found = {}
        work = (program(name) for name in names)
        for name, execution in flow(pool, work, window=1, remember=remember):
            found.setdefault(name, set()).add(execution.outputs[0].tobytes())
        return {name: len(results) for name, results in found.items()}

    assert run("aabbaa", remember=2) == {"a": 1, "b": 1}
    assert run("abcabc", remember=3) == {"a": 1, "b": 1, "c": 1}
    assert run("abcabc", remember=2) == {"a": 2, "b": 2, "c": 2}
    assert run("abacab", remember=2) == {"a": 1, "b": 2, "c": 1}  # what is used stays


@pytest.mark.slow
def test_a_flow_tells_which_programs_are_not_deterministic():
    with SandboxPool(workers=2, check_determinism=True) as pool:
        judge = Judge(pool=pool, scheme=SCHEMES["staged"])
        text = written("import random; return [[random.randrange(10) for _ in range(20)]]")
        found = list(judge.flow(attempts([RIGHT, text, NONE] * 5), in_order=True))
    assert [r.execution.deterministic for r in found] == [True, False, None] * 5


def code_of(text):
    return text.removeprefix("```python\n").removesuffix("```")


def wait_for(condition):
    end = time.monotonic() + PATIENCE_S
    while not condition():
        assert time.monotonic() < end, "waited too long"
        time.sleep(0.01)
