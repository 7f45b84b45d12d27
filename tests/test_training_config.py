import json
from dataclasses import fields, is_dataclass, replace

import pytest

from arcbench.errors import UserError
from arcbench.rewards import scheme
from arcbench.training.config import (
    DataConfig,
    GrpoConfig,
    LoraConfig,
    MeasureConfig,
    PolicyConfig,
    TrainConfig,
    overfit_config,
)


def test_a_config_survives_json():
    config = TrainConfig(
        policy=PolicyConfig(lora=LoraConfig(rank=4)),
        data=DataConfig(tasks=("a", "b"), split=None, augment=False),
        reward=scheme("staged", exact=3.0, pairs="train"),
        grpo=GrpoConfig(epsilon_high=None, prompts_per_step=2, micro_batch=4),
        report_to=("trackio",),
    )
    assert TrainConfig.from_dict(json.loads(json.dumps(config.to_dict()))) == config
    assert TrainConfig.from_dict({}) == TrainConfig()


def test_every_field_of_the_tree_reaches_the_json():
    def check(config, data):
        assert [f.name for f in fields(config)] == list(data)
        for f in fields(config):
            if is_dataclass(getattr(config, f.name)):
                check(getattr(config, f.name), data[f.name])

    config = replace(TrainConfig(), policy=PolicyConfig(lora=LoraConfig()))
    check(config, config.to_dict())


@pytest.mark.parametrize(
    ("data", "message"),
    [
        ({"grp": {}}, "unknown config field 'grp'; one of: policy, data"),
        ({"grpo": {"lr": 1}}, "unknown config field 'grpo.lr'"),
        ({"grpo": {"num_generations": 1}}, "a group of one has no advantage"),
        ({"grpo": {"micro_batch": 3}}, "3 does not divide the 8 completions"),
        ({"grpo": {"epsilon_high": 0.1}}, "below epsilon 0.2"),
        ({"grpo": {"warmup_steps": 5}}, "does nothing with schedule constant"),
        ({"grpo": {"loss_type": "ppo"}}, "unknown value of grpo.loss_type 'ppo'; one of: dapo"),
        ({"grpo": {"learning_rate": "fast"}}, "grpo.learning_rate must be of type float"),
        ({"grpo": {"learning_rate": 0}}, "learning_rate must be positive"),
        ({"grpo": 3}, "grpo. must be an object"),
        ({"steps": True}, "steps must be of type int, not True"),
        ({"data": {"tasks": "abc"}}, "data.tasks must be a list"),
        ({"data": {"tasks": ["a", 1]}}, r"data.tasks\[1\] must be of type str"),
        ({"data": {"tasks": ["a", "a"]}}, "names a task twice"),
        ({"data": {"augment": False, "keep_black": False}}, "does nothing with data.augment"),
        ({"sampling": {"top_p": 0}}, "top_p must be in"),
        ({"reward": "best"}, "unknown reward scheme 'best'; one of: staged"),
        ({"reward": {"name": "staged", "speed": 1}}, "unknown config field 'reward.speed'"),
        ({"reward": {"name": "custom", "exact": 0}}, "nothing can be learned"),
        ({"keep_checkpoints": 1}, "only the other is whole"),
        ({"report_to": ["paper"]}, "unknown report_to 'paper'"),
        ({"device": "tpu"}, "unknown value of device 'tpu'; one of: auto, cpu, gpu"),
        ({"engine": {"kind": "vllm"}}, "unknown value of engine.kind"),
    ],
)
def test_a_mistake_is_named(data, message):
    with pytest.raises(UserError, match=message):
        TrainConfig.from_dict(data)


def test_a_scheme_is_named_and_single_weights_of_it_changed():
    assert TrainConfig.from_dict({"reward": "staged"}).reward == scheme("staged")
    changed = TrainConfig.from_dict({"reward": {"name": "staged", "exact": 5}}).reward
    assert changed == scheme("staged", exact=5.0)


def test_overfit_is_one_task_without_augmentation_measured_before_and_after():
    config = overfit_config("abc", steps=3, seed=7)
    assert config.data.tasks == ("abc",)
    assert not config.data.augment
    assert config.measure.samples > 0
    assert (config.steps, config.seed) == (3, 7)
    assert config.measure == MeasureConfig(samples=config.measure.samples)
