"""Real runs of a tiny policy under settings that change the trainer's course."""

import json
import math
from dataclasses import replace
from pathlib import Path

import pytest

from arcbench import cli, series
from arcbench.runs import RunState, RunStore
from arcbench.training.config import (
    EntropyBonus,
    GrpoConfig,
    LengthConfig,
    MeasureConfig,
    OptimizerConfig,
    PolicyConfig,
    ReferenceSync,
    RolloutSampling,
    ScheduleConfig,
    TrainConfig,
    overfit_config,
)
from tests.test_training_grpo import TASK, assert_same_course
from tests.tiny_policy import save_tiny_policy

pytestmark = pytest.mark.slow


@pytest.fixture(scope="module")
def model(tmp_path_factory) -> Path:
    return save_tiny_policy(tmp_path_factory.mktemp("tiny"))


def make_config(model: Path, **changes) -> TrainConfig:
    base = overfit_config(
        TASK,
        policy=PolicyConfig(model=str(model)),
        lengths=LengthConfig(max_completion_tokens=6),
        grpo=GrpoConfig(learning_rate=1e-2),
        measure=MeasureConfig(samples=0),
        steps=2,
        checkpoint_every=2,
        threads=1,
    )
    return replace(base, **changes)


def finite(store: RunStore) -> bool:
    lines = store.metrics()
    return all(math.isfinite(m["train/loss"]) and m["train/grad_norm"] is not None for m in lines)


LOSSES = (
    GrpoConfig(loss_type="grpo", importance_sampling_level="sequence", delta=2.0),
    GrpoConfig(loss_type="dr_grpo", scale_rewards="none", mask_truncated_completions=True),
    GrpoConfig(loss_type="bnpo", scale_rewards="batch", top_entropy_quantile=0.5),
    GrpoConfig(loss_type="cispo", epsilon_high=5.0, entropy_bonus=EntropyBonus(target=0.5)),
    GrpoConfig(loss_type="sapo", entropy_bonus=EntropyBonus(coef=0.01)),
    GrpoConfig(loss_type="luspo", importance_sampling_level="sequence"),
    GrpoConfig(
        loss_type="vespo", beta=0.1, reference_sync=ReferenceSync(every_steps=1),
        use_bias_correction_kl=False,
    ),
)  # fmt: skip


@pytest.mark.parametrize(
    "grpo",
    [
        pytest.param(grpo, id=grpo.loss_type, marks=() if i in (0, 6) else pytest.mark.long)
        for i, grpo in enumerate(LOSSES)
    ],
)
def test_every_loss_trains(grpo, model, tmp_path):
    from arcbench.training.grpo import train

    store = train(make_config(model, grpo=grpo), root=tmp_path, name=grpo.loss_type)
    assert store.status().state is RunState.FINISHED
    assert [m["step"] for m in store.metrics()] == [1, 2]
    assert finite(store)


def off_policy(model: Path, **changes) -> TrainConfig:
    """Two updates from each sampling, and each of them twice."""
    grpo = GrpoConfig(
        learning_rate=1e-3, prompts_per_step=2, micro_batch=8, updates_per_generation=2,
        num_iterations=2, off_policy_mask_threshold=0.5,
    )  # fmt: skip
    return make_config(model, grpo=grpo, **{"steps": 8, "checkpoint_every": 4, **changes})


@pytest.mark.long
def test_samples_serve_several_updates_and_a_resumed_run_takes_the_same_course(model, tmp_path):
    from arcbench.training.grpo import resume, train

    unbroken = train(off_policy(model), root=tmp_path, name="unbroken")
    assert unbroken.rollout_steps() == [1, 5]
    # 2 prompts × 2 updates of 8 completions each
    assert len(unbroken.rollouts(1)) == 32
    lines = unbroken.metrics()
    assert [m["step"] for m in lines if series.REWARD_MEAN in m] == [1, 5]
    assert [m["step"] for m in lines if series.SECONDS_SAMPLING in m] == [1, 5]
    assert finite(unbroken)
    assert "on the samples of a step before" in unbroken.log.read_text()
    # What was learned from once is off policy afterwards, so that something may be clipped.
    assert any(m["policy/clip_ratio"] for m in lines[1:4])
    assert not lines[0]["policy/clip_ratio"]

    half = train(off_policy(model, steps=4), root=tmp_path, name="half")
    resume(half.path, steps=8)
    assert_same_course(half, unbroken)


def test_a_stop_waits_until_what_was_sampled_is_used_up(model, tmp_path):
    from arcbench.console import RunLog
    from arcbench.training.grpo import resume

    store = RunStore.create(tmp_path, "stopped", off_policy(model).to_dict())

    class StopsAtStep2(RunLog):
        def print(self, *what):
            super().print(*what)
            if str(what[0]).startswith("step 2/"):
                store.request_stop()

    resume(store.path, log=StopsAtStep2(store.log))
    assert store.status().state is RunState.STOPPED
    assert store.status().step == 4
    assert (store.checkpoints / "checkpoint-4" / "whole.json").is_file()


def test_warmup_optimiser_and_penalties_reach_the_run(model, tmp_path):
    from arcbench.training.grpo import train

    config = make_config(
        model,
        steps=4,
        checkpoint_every=4,
        schedule=ScheduleConfig(name="constant_with_warmup", warmup_steps=2),
        optimizer=OptimizerConfig(name="sgd"),
        sampling=RolloutSampling(repetition_penalty=1.5, min_p=0.01, temperature=1.2),
        precision="bf16",
        gradient_checkpointing=True,
    )
    store = train(config, root=tmp_path, name="warm")
    rates = [m["train/learning_rate"] for m in store.metrics()]
    assert rates == pytest.approx([0.0, 0.005, 0.01, 0.01])
    assert finite(store)


def test_the_command_line_trains_as_file_and_words_say(model, tmp_path, capsys):
    path = tmp_path / "run.yaml"
    path.write_text(json.dumps(make_config(model).to_dict()))  # JSON is YAML, too
    words = ["--set", "grpo.learning_rate=1e-3", "sampling.temperature=0.9"]
    cli.main(["train", "--config", str(path), *words, "--show"])
    assert json.loads(capsys.readouterr().out)["sampling"]["temperature"] == 0.9
    cli.main(["train", "--config", str(path), *words, "--runs", str(tmp_path), "--name", "words"])
    settings = TrainConfig.from_dict(RunStore.open(tmp_path / "words").config())
    base = make_config(model)
    assert settings == replace(
        base,
        grpo=replace(base.grpo, learning_rate=1e-3),
        sampling=RolloutSampling(temperature=0.9),
    )
    with pytest.raises(SystemExit):
        cli.main(["train", "--config", str(path), "--set", "grpo.beta=much"])
    assert "grpo.beta must be of type float, not 'much'" in capsys.readouterr().err
