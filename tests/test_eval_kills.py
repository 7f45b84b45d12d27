"""Evaluations that are killed, stopped, short of time or short of disk, and go on afterwards."""

import os
import signal
import time
from contextlib import suppress

import numpy as np
import pytest

from arcbench.errors import UserError
from arcbench.evaluation import EvalStore, evaluate
from arcbench.folders import RunState
from tests.tiny_evals import (
    assert_whole,
    evaluator,
    figures,
    make_config,
    num_lines,
    samples,
    wait_until_gone,
    wait_until_over,
)
from tests.tiny_policy import save_tiny_policy

pytestmark = pytest.mark.slow


@pytest.fixture(scope="module")
def model(tmp_path_factory):
    return save_tiny_policy(tmp_path_factory.mktemp("tiny"))


@pytest.fixture(scope="module")
def evaluations():
    with evaluator() as found:
        yield found


@pytest.fixture(scope="module")
def undisturbed(evaluations, model, tmp_path_factory):
    config = make_config(model)
    store = EvalStore.start(tmp_path_factory.mktemp("evals"), "undisturbed", config)
    evaluations.finish(store)
    assert store.status().state is RunState.FINISHED, store.log.read_text()
    assert_whole(store, config)
    return store


def new_store(tmp_path, undisturbed) -> EvalStore:
    return EvalStore.start(tmp_path, "disturbed", undisturbed.config())


def wait_for_lines(store: EvalStore, wanted: int) -> None:
    deadline = time.monotonic() + 300
    while num_lines(store) < wanted and not store.status().state.over:
        assert time.monotonic() < deadline, store.log.read_text()
        time.sleep(0.001)


def send(pid: int, number: signal.Signals) -> None:
    """Send a signal to a process, if it has not ended meanwhile."""
    with suppress(ProcessLookupError):
        os.kill(pid, number)


@pytest.mark.parametrize("seed", [0, pytest.param(1, marks=pytest.mark.long)])
def test_a_killed_evaluation_goes_on_without_sampling_or_judging_twice(
    seed, evaluations, undisturbed, tmp_path
):
    rng = np.random.default_rng(seed)
    store, config = new_store(tmp_path, undisturbed), undisturbed.config()
    total = len(config.tasks) * config.n
    kills = 0
    for sitting in range(20):
        if kills == 4:
            break
        if store.status().state is RunState.FINISHED:
            if kills:
                break
            # It was faster than whoever wanted to kill it.
            store = new_store(tmp_path / str(sitting), undisturbed)
        pid = evaluations.start(store)
        # Some way into what is left, at any instant of the writing of a line or of a file.
        before = num_lines(store)
        wait_for_lines(store, before + int(rng.integers(0, max(1, (total - before) // 2))))
        time.sleep(float(rng.uniform(0, 0.03)))
        if store.status().state is RunState.FINISHED:
            wait_until_gone(pid)
            continue
        send(pid, signal.SIGKILL)
        wait_until_gone(pid)
        kills += 1
        assert len({(w.task_id, w.index) for w in store.completions()}) == num_lines(store)
        assert samples(store).keys() <= {(w.task_id, w.index) for w in store.completions()}
    assert kills
    evaluations.finish(store)
    assert store.status().state is RunState.FINISHED, store.log.read_text()
    assert_whole(store, config)
    assert samples(store) == samples(undisturbed)
    assert figures(store) == figures(undisturbed)


@pytest.mark.long
@pytest.mark.parametrize("how", ["SIGTERM", pytest.param("SIGINT", marks=pytest.mark.long)])
def test_a_stopped_evaluation_tells_what_it_has_and_goes_on(
    how, evaluations, undisturbed, tmp_path
):
    store = new_store(tmp_path, undisturbed)
    pid = evaluations.start(store)
    wait_for_lines(store, 10)
    send(pid, signal.Signals[how])
    wait_until_over(store)
    status = store.status()
    if status.state is not RunState.FINISHED:  # it may have been faster
        assert status.state is RunState.STOPPED, store.log.read_text()
        assert how in status.reason
        assert 0 < status.done <= status.sampled <= status.total
        assert figures(store)["facts"]["complete"] is False
        assert sum(t["samples"] for t in figures(store)["tasks"]) == status.done
        assert f"arcbench eval --resume {store.path}" in store.log.read_text()
    evaluations.finish(store)
    assert figures(store) == figures(undisturbed)


@pytest.mark.long
def test_an_evaluation_short_of_time_ends_with_a_few_samples_of_every_task(
    evaluations, undisturbed, model, tmp_path
):
    config = make_config(model, n=4000)
    for minutes in (0.05, 0.2, 0.8, 3.2):  # on a busy machine the first has room for nothing
        store = EvalStore.start(tmp_path, f"short-{minutes}", config)
        evaluations.finish(store, minutes=minutes)
        status = store.status()
        assert status.state is RunState.STOPPED, store.log.read_text()
        assert "the time was used up" in status.reason
        per_task = [t["samples"] for t in figures(store)["tasks"]]
        assert sum(per_task) == status.done == len(samples(store))
        if min(per_task) >= 3:
            return
    raise AssertionError(f"too little in so much time: {per_task}")


@pytest.mark.long
def test_a_full_disk_leaves_whole_lines_and_is_told_in_plain_words(
    evaluations, undisturbed, model, tmp_path
):
    config = make_config(model, n=160)
    store = EvalStore.start(tmp_path, "full", config)
    evaluations.finish(store, max_file=70_000)
    status = store.status()
    assert status.state is RunState.FAILED, store.log.read_text()
    assert status.reason.startswith("the disk is full: ")
    assert f"arcbench eval --resume {store.path}" in status.reason
    assert store.completions_file.read_bytes().endswith(b"\n")
    assert 0 < num_lines(store) < len(config.tasks) * config.n
    evaluations.finish(store)
    assert_whole(store, config)


@pytest.mark.long
def test_two_processes_never_evaluate_the_same_folder(evaluations, undisturbed, tmp_path):
    store = new_store(tmp_path, undisturbed)
    pid = evaluations.start(store)
    wait_for_lines(store, 1)
    send(pid, signal.SIGSTOP)
    try:
        if store.status().state is RunState.RUNNING:  # it may have been faster
            with pytest.raises(UserError, match=f"is running .process {pid}."):
                evaluate(store.config(), store)
    finally:
        send(pid, signal.SIGCONT)
    wait_until_over(store)
    assert figures(store) == figures(undisturbed)
