import shutil
from dataclasses import replace
from pathlib import Path

import pytest

from arcbench import jobs, series
from arcbench.errors import UserError
from arcbench.prompts import PromptTemplate
from arcbench.rollouts import groups
from arcbench.runs import RunState, RunStore
from arcbench.tasks import load_tasks
from arcbench.training.bridge import advantages
from arcbench.training.config import (
    GrpoConfig,
    LoraConfig,
    MeasureConfig,
    PolicyConfig,
    overfit_config,
)
from tests.tiny_policy import save_tiny_policy
from tests.tiny_runs import TASK, TIMES, assert_same_course, make_config

pytestmark = pytest.mark.slow


@pytest.fixture(scope="module")
def model(tmp_path_factory) -> Path:
    return save_tiny_policy(tmp_path_factory.mktemp("tiny"))


@pytest.fixture(scope="module")
def unbroken(model, tmp_path_factory) -> RunStore:
    from arcbench.training.grpo import train

    return train(make_config(model), root=tmp_path_factory.mktemp("runs"), name="unbroken")


def test_a_run_leaves_a_line_and_rollouts_for_every_step(unbroken):
    assert unbroken.status().state is RunState.FINISHED
    assert unbroken.status().step == 14
    assert [m["step"] for m in unbroken.metrics()] == list(range(1, 15))
    assert unbroken.rollout_steps() == list(range(1, 15))
    assert (unbroken.path / "plots" / "training.png").stat().st_size > 1000
    lines = unbroken.log.read_text().splitlines()
    assert lines[0].startswith("warning: tokens")  # the tiny policy does not know every word
    # The guard tells once that the tiny policy never ends by itself.
    assert sum(line.startswith("warning at step 6: truncated: ") for line in lines) == 1
    assert len(lines) == 1 + 1 + 14 + 1 + 2
    last = unbroken.metrics()[-1]
    for name in ("train/loss", "train/grad_norm", "policy/entropy", *TIMES):
        assert last[name] is not None


def test_the_rollouts_tell_what_the_metrics_say(unbroken):
    task = load_tasks("arc-agi-1", "training").task(TASK)
    prompt = PromptTemplate.load("arcbench").messages(task)
    for m in unbroken.metrics():
        rollouts = unbroken.rollouts(int(m["step"]))
        measured = series.measure(groups(rollouts))
        assert {k: pytest.approx(v) for k, v in measured.items()} == {k: m[k] for k in measured}
        assert [r.index for r in rollouts] == list(range(8))
        rewards = [[r.reward.total for r in rollouts]]
        assert [[r.advantage for r in rollouts]] == advantages(rewards, "group")
        assert len({r.messages_hash for r in rollouts}) == 1
        assert all(len(r.completion.logprobs) == len(r.completion.token_ids) for r in rollouts)
    assert prompt[-1]["role"] == "assistant"
    first, *later = unbroken.metrics()
    assert series.REWARD_GAIN not in first  # nothing was measured before
    gains = [m[series.REWARD_GAIN] for m in later]
    risen = [m[series.REWARD_MEAN] - first[series.REWARD_MEAN] for m in later]
    assert gains == pytest.approx(risen)  # it is one task


def test_the_policy_learns(unbroken):
    rewards = [m["reward/mean"] for m in unbroken.metrics()]
    assert sum(rewards[-4:]) / 4 > sum(rewards[:4]) / 4 + 2


def test_a_kill_while_saving_costs_only_that_checkpoint(unbroken, tmp_path):
    from arcbench.training.grpo import resume

    path = tmp_path / "torn"
    shutil.copytree(unbroken.path, path)
    store = RunStore.open(path)
    last = path / "checkpoints" / "checkpoint-14"
    (last / "whole.json").unlink()
    weights = last / "model.safetensors"
    weights.write_bytes(weights.read_bytes()[:1000])
    store.set_status(RunState.DIED)
    resume(path)
    assert "from step 10" in store.log.read_text()
    assert_same_course(store, unbroken)


def test_more_steps_continue_a_finished_run(unbroken, tmp_path):
    from arcbench.training.grpo import resume

    path = tmp_path / "longer"
    shutil.copytree(unbroken.path, path)
    with pytest.raises(UserError, match="has done its 14 steps"):
        resume(path)
    store = resume(path, steps=16)
    assert [m["step"] for m in store.metrics()] == list(range(1, 17))
    assert store.config()["steps"] == 16


def test_an_error_of_ours_ends_the_run_as_failed_with_a_traceback(model, tmp_path):
    from arcbench.training.grpo import resume

    store = RunStore.create(tmp_path, "broken", make_config(model).to_dict())
    (store.path / "rollouts").write_text("a file where the folder should be")
    with pytest.raises(FileExistsError):
        resume(store.path)
    status = store.status()
    assert status.state is RunState.FAILED
    assert "FileExistsError" in status.reason
    assert "Traceback" in store.log.read_text()


def test_what_is_not_there_is_refused_before_a_folder_is_made(model, tmp_path):
    from arcbench.training.grpo import train

    config = make_config(model)
    for wrong in (
        replace(config, data=replace(config.data, tasks=("nonsense",))),
        replace(config, policy=PolicyConfig(model=str(tmp_path / "nowhere"))),
        replace(config, policy=PolicyConfig(model=str(model), template="nowhere")),
    ):
        for begin in (train, jobs.start):
            with pytest.raises(UserError, match=r"nonsense|nowhere"):
                begin(wrong, root=tmp_path / "runs", name="x")
    assert not (tmp_path / "runs").exists()


def test_lora_on_two_prompts_a_step_trains_the_adapter_only(model, tmp_path):
    from arcbench.training.grpo import train

    config = make_config(
        model,
        policy=PolicyConfig(model=str(model), lora=LoraConfig(rank=4, alpha=8)),
        grpo=GrpoConfig(
            num_generations=4, prompts_per_step=2, micro_batch=4, learning_rate=1e-2, beta=0.01
        ),
        data=replace(overfit_config(TASK).data, tasks=(TASK, "68b16354"), augment=True),
        measure=MeasureConfig(samples=4),
        steps=3,
    )
    store = train(config, root=tmp_path, name="lora")
    rollouts = store.rollouts(3)
    assert [(r.group, r.index) for r in rollouts] == [(g, i) for g in (0, 1) for i in range(4)]
    assert {r.task_id for r in store.rollouts(2)} <= {TASK, "68b16354"}
    assert (store.checkpoints / "checkpoint-3" / "adapter_model.safetensors").is_file()
    assert not (store.checkpoints / "checkpoint-3" / "model.safetensors").exists()
    before, after = store.read_eval("before"), store.read_eval("after")
    assert before["tasks"] == after["tasks"] == 2
    assert "before and after" in store.log.read_text()


@pytest.mark.long
def test_the_embedded_policy_learns_a_task_that_it_solves_sometimes(tmp_path):
    from arcbench.training.grpo import overfit

    config = overfit_config(TASK, steps=10, checkpoint_every=10, threads=1)
    store = overfit(TASK, config=config, root=tmp_path)
    before, after = store.read_eval("before"), store.read_eval("after")
    assert 0 < before["figures"]["pass rate"] < 0.6
    assert after["figures"]["pass rate"] > before["figures"]["pass rate"] + 0.3
    rewards = [m[series.REWARD_MEAN] for m in store.metrics()]
    assert sum(rewards[-3:]) / 3 > sum(rewards[:3]) / 3 + 1
    assert {p.name for p in store.plot_file("x").parent.iterdir()} == {
        "training.png",
        "before_after.png",
    }
