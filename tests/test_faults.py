"""What happens to a run when something else goes wrong: each with the real trainer."""

import os
import signal
import subprocess
import time
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest

from arcbench import jobs
from arcbench.errors import UserError
from arcbench.rewards import RewardBreakdown, RewardScheme, scheme
from arcbench.runs import RunState, RunStore
from arcbench.training.config import (
    GrpoConfig,
    OptimizerConfig,
    RolloutSampling,
    ScheduleConfig,
    TrainConfig,
)
from arcbench.training.faults import Diverged, explain
from tests.tiny_policy import save_tiny_policy
from tests.tiny_runs import (
    PATIENCE_S,
    Runner,
    assert_same_course,
    make_config,
    runner,
    wait_for_step,
)

pytestmark = pytest.mark.slow


@pytest.fixture(scope="module")
def model(tmp_path_factory) -> Path:
    return save_tiny_policy(tmp_path_factory.mktemp("tiny"))


@pytest.fixture(scope="module")
def unbroken(model, tmp_path_factory) -> RunStore:
    from arcbench.training.grpo import train

    config = make_config(model, steps=8, checkpoint_every=2)
    return train(config, root=tmp_path_factory.mktemp("runs"), name="unbroken")


@pytest.fixture(scope="module")
def apart() -> Runner:
    """Runs in processes that see disks of their own, where this machine lets users have such."""
    prefix = ("unshare", "--user", "--map-root-user", "--mount")
    allowed = subprocess.run([*prefix, "true"], check=False, capture_output=True).returncode == 0
    with runner(*(prefix if allowed else ())) as found:
        yield found


@pytest.fixture
def disk(apart, tmp_path) -> Path:
    """A small disk that can be filled."""
    there = tmp_path / "disk"
    there.mkdir()
    if apart.ask(f"sh mount -t tmpfs -o size=6m tmpfs {there}").strip() != "0":
        pytest.skip("this machine lets no user mount a disk")
    yield Path(f"/proc/{apart.process.pid}/root{there}")
    apart.ask(f"sh umount -l {there}")


def fill(disk: Path, *, leave: int = 0) -> Path:
    """A file that takes all the room but `leave` bytes."""
    ballast = disk / "ballast"
    with ballast.open("wb", buffering=0) as handle:
        try:
            while True:
                handle.write(bytes(4096))
        except OSError:
            handle.truncate(max(0, handle.tell() - leave))
    return ballast


def assert_whole(store: RunStore) -> int:
    """Everything that is there can be read; the newest checkpoint's step."""
    from safetensors.torch import load_file

    from arcbench.training.recorder import newest_checkpoint

    steps = [m["step"] for m in store.metrics()]
    assert steps == list(range(1, len(steps) + 1))
    for step in store.rollout_steps():
        assert len(store.rollouts(step)) == 8
    newest = newest_checkpoint(store)
    if newest is None:
        return 0
    assert load_file(newest[1] / "model.safetensors")
    return newest[0]


def test_a_run_killed_at_any_instant_goes_on_without_gap_or_double(
    apart, model, unbroken, tmp_path
):
    config = make_config(model, steps=8, checkpoint_every=2)
    whole = RunStore.create(tmp_path, "whole", config.to_dict())
    assert apart.finish(whole).state is RunState.FINISHED, jobs.tail(whole)
    assert_same_course(whole, unbroken)
    rng = np.random.default_rng()
    killed: list[RunStore] = []
    died = []
    for _ in range(4):
        if not killed or killed[-1].status().state is RunState.FINISHED:
            name = f"killed-{len(killed)}"
            killed.append(RunStore.create(tmp_path, name, config.to_dict()))
        pid = apart.start(killed[-1])
        # Instants are drawn by what the run has done: a clock would tell how busy the machine is.
        after_step = int(rng.integers(-2, 7))
        while not (status := killed[-1].status()).state.over and after_step >= 0:
            if status.phase == "training" and status.step >= after_step:
                break
            time.sleep(0.005)
        time.sleep(rng.uniform(0, 0.1))
        os.kill(pid, signal.SIGKILL)
        died.append(jobs.wait(killed[-1], timeout_s=PATIENCE_S))
        assert_whole(killed[-1])
    print([(s.state.value, s.phase, s.step) for s in died])  # noqa: T201
    assert RunState.DIED in {s.state for s in died}
    for store in killed:
        if store.status().state is not RunState.FINISHED:
            assert apart.finish(store).state is RunState.FINISHED, jobs.tail(store)
        assert_same_course(store, unbroken)


def test_sigterm_saves_and_the_run_goes_on_later(apart, model, unbroken, tmp_path):
    # So many steps that it is in their middle, however late it is seen.
    config = make_config(model, steps=4000, checkpoint_every=2)
    store = RunStore.create(tmp_path, "stopped", config.to_dict())
    pid = apart.start(store)
    wait_for_step(store, 2)
    os.kill(pid, signal.SIGTERM)
    status = jobs.wait(store, timeout_s=PATIENCE_S)
    assert status.state is RunState.STOPPED
    assert "SIGTERM" in status.reason
    assert 2 <= status.step < 4000
    assert (store.checkpoints / f"checkpoint-{status.step}" / "whole.json").is_file()
    assert [m["step"] for m in store.metrics()] == list(range(1, status.step + 1))
    store.write_config(replace(config, steps=max(8, status.step + 2)).to_dict())
    assert apart.finish(store).state is RunState.FINISHED, jobs.tail(store)
    assert_same_course(store, unbroken, steps=8)


@pytest.mark.long
def test_a_job_is_stopped_through_its_folder_and_another_beside_it_is_not(apart, model, tmp_path):
    config = make_config(model, steps=4000)
    store = jobs.start(config, root=tmp_path, name="a")  # by the command line, as the app does it
    other = RunStore.create(tmp_path, "b", config.to_dict())
    apart.start(other)
    with pytest.raises(UserError, match="is running already"):
        jobs.launch(store)
    wait_for_step(store, 1)
    assert jobs.stop(store).state is RunState.STOPPED
    assert not other.status().state.over
    assert not store.stop_file.exists()
    assert jobs.stop(other).state is RunState.STOPPED
    assert "step" in jobs.tail(store)


@pytest.mark.parametrize(
    ("leave", "checkpoint_every", "first_step"),
    [
        pytest.param(0, 8, 1, marks=pytest.mark.long),
        pytest.param(12_000, 8, 2, marks=pytest.mark.long),
        pytest.param(200_000, 2, 1, marks=pytest.mark.long),
        (None, 2, None),
    ],
    ids=["no room at all", "none for records", "none for a checkpoint", "at a drawn instant"],
)
def test_a_full_disk_ends_the_run_in_plain_words_and_it_goes_on_when_there_is_room(
    apart, disk, model, unbroken, leave, checkpoint_every, first_step
):
    rng = np.random.default_rng()
    config = make_config(model, steps=8, checkpoint_every=checkpoint_every)
    store = RunStore.create(disk, "full", config.to_dict())
    pid = apart.start(store)
    wait_for_step(store, int(rng.integers(1, 6)) if first_step is None else first_step)
    if first_step is None:
        time.sleep(rng.uniform(0, 0.1))
    os.kill(pid, signal.SIGSTOP)
    ballast = fill(disk, leave=int(rng.integers(0, 500_000)) if leave is None else leave)
    os.kill(pid, signal.SIGCONT)
    status = jobs.wait(store, timeout_s=PATIENCE_S)
    print(status.reason, [p.name for p in store.checkpoints.glob("*")])  # noqa: T201
    assert status.state is RunState.FAILED
    assert status.reason.startswith("the disk is full: ")
    assert "make room" in status.reason
    saved = assert_whole(store)
    assert f"from step {saved}" in status.reason
    assert "Traceback" in store.log.read_text()
    ballast.unlink()
    assert apart.finish(store).state is RunState.FINISHED, jobs.tail(store)
    assert_same_course(store, unbroken)


def test_a_loss_that_is_no_number_ends_the_run_at_that_step_and_spoils_no_checkpoint(
    model, unbroken, tmp_path
):
    from arcbench.training.grpo import resume, train

    config = make_config(model, steps=4, checkpoint_every=2)
    store = train(config, root=tmp_path, name="nan")
    long = replace(config, steps=8)
    # So cold that the logits overflow.
    spoilt = replace(long, sampling=RolloutSampling(temperature=1e-42))
    store.write_config(spoilt.to_dict())
    with pytest.raises(Diverged, match=r"at step 5 the loss is nan.*the newest is of step 4"):
        resume(store.path)
    assert store.status().state is RunState.FAILED
    assert "at step 5 the loss is nan" in store.status().reason
    assert "failed: at step 5" in store.log.read_text()
    assert store.metrics()[-1]["train/loss"] is None
    store.write_config(long.to_dict())
    assert resume(store.path).status().state is RunState.FINISHED
    assert_same_course(store, unbroken)


@pytest.mark.long
def test_weights_that_are_no_numbers_are_never_saved(model, tmp_path):
    from arcbench.training.grpo import train

    config = make_config(
        model,
        steps=6,
        checkpoint_every=1,
        # The warm-up's first step has the rate 0; the second one's overflows the weights.
        grpo=GrpoConfig(num_generations=8, learning_rate=1e38),
        optimizer=OptimizerConfig(weight_decay=1e38),
        schedule=ScheduleConfig(name="constant_with_warmup", warmup_steps=2),
    )
    with pytest.raises(Diverged, match=r"at step 2 the largest weight is (inf|nan)"):
        train(config, root=tmp_path, name="overflow")
    store = RunStore.open(tmp_path / "overflow")
    assert [p.name for p in store.checkpoints.glob("checkpoint-*")] == ["checkpoint-1"]
    assert assert_whole(store) == 1


def with_faulty_reward(config: TrainConfig, faulty: type[RewardScheme]) -> TrainConfig:
    """A run whose settings are right, and whose reward fails."""
    object.__setattr__(config, "reward", faulty(exact=1.0))
    return config


class FullCard(RewardScheme):
    """A reward at which the card is full."""

    def reward(self, **_: object) -> RewardBreakdown:
        import torch

        raise torch.OutOfMemoryError("CUDA out of memory. Tried to allocate 2.00 GiB. More words.")


class Wrong(RewardScheme):
    """A reward with a mistake in it."""

    def reward(self, **_: object) -> RewardBreakdown:
        return RewardBreakdown(code=1 / 0)


@pytest.mark.long
def test_a_full_card_ends_the_run_with_what_the_memory_plan_advises(model, tmp_path):
    from arcbench.training.grpo import train

    config = with_faulty_reward(make_config(model), FullCard)
    with pytest.raises(UserError, match="the GPU is out of memory: CUDA out of memory; ") as told:
        train(config, root=tmp_path, name="card")
    store = RunStore.open(tmp_path / "card")
    assert store.status().state is RunState.FAILED
    assert store.status().reason == str(told.value)
    assert "does not fit" in str(told.value) or "try " in str(told.value)
    assert "OutOfMemoryError" in store.log.read_text()


def test_a_reward_that_raises_is_our_bug_and_leaves_its_traceback(model, tmp_path):
    from arcbench.training.grpo import train

    config = with_faulty_reward(make_config(model), Wrong)
    with pytest.raises(ZeroDivisionError):
        train(config, root=tmp_path, name="wrong")
    store = RunStore.open(tmp_path / "wrong")
    assert store.status().state is RunState.FAILED
    assert store.status().reason == "ZeroDivisionError: division by zero"
    log = store.log.read_text()
    assert "Traceback" in log
    assert "return RewardBreakdown(code=1 / 0)" in log
    assert store.metrics() == []


def test_a_program_that_raises_gets_its_low_reward_and_the_run_goes_on(unbroken):
    rollouts = [r for step in unbroken.rollout_steps() for r in unbroken.rollouts(step)]
    raised = [r for r in rollouts if r.execution.outcome.value == "raised"]
    assert raised
    assert {r.reward for r in raised} == {RewardBreakdown(code=scheme("arc25-v2").code)}
    assert unbroken.status().state is RunState.FINISHED


def test_full_memory_is_told_with_what_would_help(unbroken, model):
    import torch

    with pytest.raises(RuntimeError) as real:
        torch.empty(10**15)
    told = explain(real.value, make_config(model), unbroken)
    assert told is not None
    assert str(told).startswith("this machine's memory is full: ")
    assert "grpo.micro_batch" in str(told)


def test_an_error_that_came_of_a_full_disk_is_told_as_that(unbroken, model):
    config = make_config(model)
    full = RuntimeError("could not save")
    full.__cause__ = OSError(28, "No space left on device")
    assert "the disk is full: [Errno 28]" in str(explain(full, config, unbroken))
    assert explain(RuntimeError("iostream error"), config, unbroken) is None  # there is room
    assert explain(FileNotFoundError(2, "No such file"), config, unbroken) is None
