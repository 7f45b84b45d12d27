"""Several trainer processes: what is shared out, and real launches against one process."""

import os
import shutil
import signal
import socket
import subprocess
import sys
import time
from contextlib import contextmanager
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from arcbench import jobs, series
from arcbench.errors import UserError
from arcbench.policies.chat import Job
from arcbench.runs import RunState, RunStore, is_alive
from arcbench.training import lifeline
from arcbench.training.config import (
    GrpoConfig,
    LengthConfig,
    LoraConfig,
    MeasureConfig,
    PolicyConfig,
    SandboxConfig,
    TrainConfig,
    overfit_config,
)
from arcbench.training.lifeline import Lifeline
from arcbench.training.processes import ALONE, Processes
from arcbench.training.sampler import whole_groups
from arcbench.training.trl_args import micro_batches
from arcbench.training.watch import read_findings
from tests.guarded_course import CUT, guarded
from tests.tiny_policy import save_tiny_policy
from tests.tiny_runs import PATIENCE_S, Runner, runner

TASKS = ("67a3c6ac", "68b16354")


@given(total=st.integers(0, 200), count=st.integers(1, 9))
def test_the_shares_of_all_processes_are_everything_once_and_are_even(total, count):
    shares = [Processes(rank=rank, count=count).share(total) for rank in range(count)]
    assert [i for share in shares for i in share] == list(range(total))
    assert max(map(len, shares)) - min(map(len, shares)) <= 1


@given(counts=st.lists(st.lists(st.integers(1, 5), min_size=1, max_size=3), min_size=1, max_size=5))
def test_the_jobs_of_one_prompt_are_made_one(counts):
    jobs = [
        Job(prompt_index=p, first_sample=sum(parts[:i]), count=n, ids=(p,))
        for p, parts in enumerate(counts)
        for i, n in enumerate(parts)
    ]
    whole = whole_groups(jobs)
    assert [(j.prompt_index, j.first_sample, j.count) for j in whole] == [
        (p, 0, sum(parts)) for p, parts in enumerate(counts)
    ]


def test_a_step_that_cannot_be_divided_is_refused():
    config = TrainConfig(grpo=GrpoConfig(num_generations=6, prompts_per_step=2, micro_batch=4))
    assert micro_batches(config, 1) == (4, 3)
    assert micro_batches(config, 3) == (4, 1)
    with pytest.raises(UserError, match=r"12 completions of a step .* among 5 processes"):
        micro_batches(config, 5)
    with pytest.raises(UserError, match="micro_batch 4 does not divide the 6 completions"):
        micro_batches(config, 2)


def test_one_process_alone_waits_for_nobody():
    assert ALONE.gather(3) == [3]
    assert ALONE.from_main(lambda: 4) == 4
    assert ALONE.main


def test_who_waits_for_no_other_any_more_may_end_in_its_own_time(monkeypatch):
    monkeypatch.setattr(lifeline, "GRACE_S", 0.1)

    def code_after_another_has_stopped(*, let_go: bool) -> int:
        pid = os.fork()
        if pid == 0:
            ours = Lifeline(ALONE, lambda end: None)
            with socket.create_server(("127.0.0.1", 0)) as listener:
                other = socket.create_connection(listener.getsockname())
                ours._listen(listener.accept()[0], 1)
            if let_go:
                ours.let_go()
            other.sendall(b'{"rank": 1, "how": "stopped", "reason": "asked to"}\n')
            time.sleep(1 if let_go else 60)
            os._exit(7)
        return os.waitstatus_to_exitcode(os.waitpid(pid, 0)[1])

    assert code_after_another_has_stopped(let_go=False) == 0
    assert code_after_another_has_stopped(let_go=True) == 7


@pytest.mark.slow
@pytest.mark.long
def test_half_a_group_is_half_of_what_the_whole_group_is(tmp_path):
    from arcbench.policies import SamplingConfig
    from arcbench.policies.transformers import TransformersPolicy

    policy = TransformersPolicy.load(save_tiny_policy(tmp_path))
    config = SamplingConfig(n=8, temperature=1, max_new_tokens=6, seed=5)
    ids = tuple(policy.chat.ids([{"role": "user", "content": "Red Blue Red"}]))

    def drawn(jobs):
        return {s.sample_index: s.completion.token_ids for s in policy.stream_jobs(jobs, config)}

    for policy._shared in (True, False):  # our own decoding, and `generate`
        whole = drawn([Job(prompt_index=2, first_sample=0, count=8, ids=ids)])
        half = drawn([Job(prompt_index=2, first_sample=4, count=4, ids=ids)])
        assert half == {j: whole[j] for j in range(4, 8)}
        assert len(set(whole.values())) > 1


# Real launches


@pytest.fixture(scope="module")
def model(tmp_path_factory) -> Path:
    return save_tiny_policy(tmp_path_factory.mktemp("tiny"))


def make_config(model: Path, **changes) -> TrainConfig:
    base = overfit_config(
        TASKS[0],
        policy=PolicyConfig(model=str(model)),
        lengths=LengthConfig(max_completion_tokens=6),
        grpo=GrpoConfig(num_generations=8, learning_rate=1e-2),  # half a group a process
        measure=MeasureConfig(samples=3),
        sandbox=SandboxConfig(workers=1),
        steps=4,
        checkpoint_every=2,
        threads=1,
        device="cpu",
    )
    return replace(base, **changes)


@pytest.fixture(scope="module")
def pairs() -> Runner:
    """Starts two processes that are up at once; what a launcher adds is seen where one is used."""
    with runner() as found:
        yield found


@contextmanager
def launched(store: RunStore):
    """The run, gone on with by two processes of accelerate; yields the launcher and ends it."""
    # Not --cpu: with it accelerate starts one process only.
    command = [
        sys.executable, "-m", "accelerate.commands.launch", "--multi_gpu", "--num_processes", "2",
        "--num_machines", "1", "--mixed_precision", "no", "--dynamo_backend", "no",
        "--main_process_port", "0", "-m", "arcbench", "train", "--resume", str(store.path),
    ]  # fmt: skip
    with (store.path / "launch.txt").open("ab") as out:
        launcher = subprocess.Popen(
            command,
            stdout=out,
            stderr=out,
            start_new_session=True,
            env={**os.environ, "OMP_NUM_THREADS": "1"},
        )
    try:
        yield launcher
    finally:
        if launcher.poll() is None:
            launcher.terminate()
            launcher.wait(PATIENCE_S)


def told(store: RunStore) -> str:
    return (store.path / "launch.txt").read_text()[-3000:]


def wait_for_step(store: RunStore, step: int) -> None:
    deadline = time.monotonic() + PATIENCE_S
    while store.status().step < step:
        assert store.status().state is not RunState.FAILED, jobs.tail(store)
        assert time.monotonic() < deadline, jobs.tail(store)
        time.sleep(0.02)


def assert_same_course(
    a: RunStore, b: RunStore, steps: int, without: frozenset[str] = frozenset()
) -> None:
    """The same samples and rewards; what is computed with is the same within rounding."""
    for x, y in zip(a.metrics()[:steps], b.metrics()[:steps], strict=True):
        assert x.keys() == y.keys()
        for name in {n for n in x if not series.of_machine(n)} - without:
            assert y[name] == pytest.approx(x[name], rel=1e-4, abs=1e-6), name
    for step in range(1, steps + 1):
        for r, s in zip(a.rollouts(step), b.rollouts(step), strict=True):
            assert (r.group, r.index, r.task_id) == (s.group, s.index, s.task_id)
            assert r.completion.token_ids == s.completion.token_ids
            assert (r.reward, r.advantage, r.augmentation) == (
                s.reward,
                s.advantage,
                s.augmentation,
            )


def assert_same_weights(a: RunStore, b: RunStore, step: int, name: str) -> None:
    from safetensors.numpy import load_file

    x, y = (load_file(s.checkpoints / f"checkpoint-{step}" / name) for s in (a, b))
    assert x.keys() == y.keys()
    for key in x:
        # Adam's steps are 1e-2 also where a gradient is hardly more than rounding.
        assert np.allclose(x[key], y[key], atol=5e-4), key


@pytest.fixture(scope="module")
def alone(model, tmp_path_factory) -> RunStore:
    from arcbench.training.grpo import train

    return train(make_config(model), root=tmp_path_factory.mktemp("runs"), name="alone")


@pytest.mark.long
@pytest.mark.slow
def test_two_processes_go_the_course_of_one_and_one_goes_on_where_two_were(model, alone, tmp_path):
    from arcbench.training.grpo import resume

    store = RunStore.create(tmp_path, "two", make_config(model).to_dict())
    with launched(store) as launcher:
        assert launcher.wait(PATIENCE_S) == 0, told(store)
    assert store.status().state is RunState.FINISHED
    assert store.info()["processes"] == 2
    assert_same_course(alone, store, 4)
    assert_same_weights(alone, store, 4, "model.safetensors")
    assert store.read_eval("after") == alone.read_eval("after")
    assert len([x for x in store.log.read_text().splitlines() if x.startswith("step ")]) == 4
    assert (store.checkpoints / "checkpoint-4" / "rng_state_1.pth").is_file()
    shutil.rmtree(store.checkpoints / "checkpoint-4")
    store.set_status(RunState.STOPPED)
    resume(store.path)
    assert "from step 2" in store.log.read_text()
    assert_same_course(alone, store, 4)


@pytest.mark.slow
@pytest.mark.long
def test_two_go_on_where_one_was_and_stop_together_when_they_are_asked_to(alone, pairs, tmp_path):
    path = tmp_path / "longer"
    shutil.copytree(alone.path, path)
    store = RunStore.open(path)
    with pairs.pair(store, steps=4000) as pair:
        wait_for_step(store, 5)
        store.request_stop()
        assert pair.wait() == [0, 0], jobs.tail(store)
    status = store.status()
    assert (status.state, status.reason) == (RunState.STOPPED, "stop was requested")
    checkpoint = store.checkpoints / f"checkpoint-{status.step}"
    assert {p.name for p in checkpoint.iterdir()} >= {"whole.json", "rng_state_1.pth"}
    assert [m["step"] for m in store.metrics()] == list(range(1, status.step + 1))
    assert_same_course(alone, store, 4)
    assert not store.stop_file.exists()


@pytest.mark.slow
@pytest.mark.long
def test_two_processes_train_an_adapter_as_one_does_with_two_prompts_a_step(model, pairs, tmp_path):
    from arcbench.training.grpo import train

    config = make_config(
        model,
        policy=PolicyConfig(model=str(model), lora=LoraConfig(rank=4, alpha=8)),
        grpo=GrpoConfig(
            num_generations=4, prompts_per_step=2, micro_batch=2, learning_rate=1e-2, beta=0.01
        ),
        data=replace(overfit_config(TASKS[0]).data, tasks=TASKS, augment=True),
        measure=MeasureConfig(),
        steps=3,
    )
    one = train(config, root=tmp_path, name="one")
    two = RunStore.create(tmp_path, "two", config.to_dict())
    with pairs.pair(two) as pair:
        assert pair.wait() == [0, 0], jobs.tail(two)
    # TRL logs these as the mean over micro-batches, which other processes cut in other ways.
    assert_same_course(one, two, 3, without=frozenset({"policy/kl", "policy/entropy"}))
    assert_same_weights(one, two, 3, "adapter_model.safetensors")


@pytest.mark.slow
@pytest.mark.long
def test_two_processes_go_back_together(model, pairs, tmp_path):
    store = RunStore.create(tmp_path, "two", guarded(model, CUT, device="cpu").to_dict())
    with pairs.pair(store) as pair:
        assert pair.wait() == [0, 0], jobs.tail(store)
    status = store.status()
    assert status.state is RunState.STOPPED, jobs.tail(store)
    assert [a["action"] for a in read_findings(store)["acts"]] == ["rewind", "stop"]
    assert [m["step"] for m in store.metrics()] == list(range(1, status.step + 1))
    assert len(store.info()["rewinds"]) == 1
    assert store.info()["processes"] == 2


@pytest.mark.long
@pytest.mark.slow
def test_a_killed_process_takes_the_others_along_and_the_run_says_so(model, tmp_path):
    store = RunStore.create(tmp_path, "killed", make_config(model, steps=4000).to_dict())
    with launched(store) as launcher:
        wait_for_step(store, 2)
        main = store.status().pid
        found = subprocess.run(
            ["pgrep", "-P", str(launcher.pid), "-f", "arcbench"],
            capture_output=True, text=True, check=True,
        )  # fmt: skip
        (other,) = {int(pid) for pid in found.stdout.split()} - {main}
        os.kill(other, signal.SIGKILL)
        assert launcher.wait(PATIENCE_S) == 1
    assert not is_alive(main)
    status = store.status()
    assert (status.state, status.reason) == (RunState.FAILED, "process 1 ended without a word")
    assert "process 1 ended without a word" in store.log.read_text()
