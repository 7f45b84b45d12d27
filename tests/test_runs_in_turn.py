import time

import pytest

from arcbench import jobs
from arcbench.runs import RunState
from arcbench.turns import FOLDER, line
from tests.tiny_policy import save_tiny_policy
from tests.tiny_runs import make_config

pytestmark = pytest.mark.slow


@pytest.mark.long
def test_runs_that_take_turns_go_one_after_the_other_and_one_that_waits_can_be_stopped(tmp_path):
    model, root = save_tiny_policy(tmp_path / "tiny"), tmp_path / "runs"
    # So many steps that it goes on until it is stopped.
    first = jobs.start(make_config(model, steps=100_000), root=root, name="first", in_turn=True)
    second, third = (
        jobs.start(make_config(model, steps=2), root=root, name=name, in_turn=True)
        for name in ("second", "third")
    )
    deadline = time.monotonic() + 120
    while not (
        first.status().phase == "training"
        and second.status().phase.startswith("waiting")
        and third.status().phase.startswith("waiting")
    ):
        assert time.monotonic() < deadline, [jobs.tail(s) for s in (first, second, third)]
        time.sleep(0.1)
    assert second.status().phase == "waiting for first"
    assert third.status().phase == "waiting for first, second"
    assert line(root / FOLDER) == ["first", "second", "third"]
    assert second.metrics() == third.metrics() == []
    assert jobs.stop(third).state is RunState.STOPPED
    assert third.metrics() == []
    assert jobs.stop(first).state is RunState.STOPPED
    assert jobs.wait(second, timeout_s=120).state is RunState.FINISHED, jobs.tail(second)
    assert len(second.metrics()) == 2
