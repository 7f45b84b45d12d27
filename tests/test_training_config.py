import json
from dataclasses import fields, is_dataclass, replace
from importlib.util import find_spec

import pytest

from arcbench import jobs
from arcbench.errors import UserError
from arcbench.rewards import scheme
from arcbench.training.config import (
    DataConfig,
    GrpoConfig,
    LoraConfig,
    MeasureConfig,
    PolicyConfig,
    TrackingConfig,
    TrainConfig,
    VllmColocate,
    overfit_config,
)


def test_a_config_survives_json():
    config = TrainConfig(
        policy=PolicyConfig(lora=LoraConfig(rank=4)),
        data=DataConfig(tasks=("a", "b"), split=None, augment=False),
        reward=scheme("staged", exact=3.0, pairs="train"),
        grpo=GrpoConfig(epsilon_high=None, prompts_per_step=2, micro_batch=4),
        tracking=TrackingConfig(report_to=("trackio",)),
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
        ({"schedule": {"warmup_steps": 5}}, "does nothing with schedule constant"),
        ({"grpo": {"loss_type": "ppo"}}, "unknown value of grpo.loss_type 'ppo'; one of: dapo"),
        ({"grpo": {"learning_rate": "fast"}}, "grpo.learning_rate must be of type float"),
        ({"grpo": {"learning_rate": 0}}, "learning_rate must be positive"),
        ({"grpo": 3}, "grpo must be an object"),
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
        ({"tracking": {"report_to": ["paper"]}}, "unknown tracking.report_to 'paper'"),
        ({"device": "tpu"}, "unknown value of device 'tpu'; one of: auto, cpu, gpu"),
        ({"engine": {"kind": "vllm"}}, "unknown value of engine.kind 'vllm'; one of: transformers"),
        ({"engine": {"sleep": True}}, "unknown config field 'engine.sleep'; one of: engine.kind"),
        ({"engine": {"kind": "vllm-colocate", "sleep": 1}}, "engine.sleep must be of type bool"),
        ({"engine": "vllm-colocate", "grpo": []}, r"grpo must be an object of settings, not \[\]"),
        ({"grpo": {"learning_rate": float("nan")}}, "must be a finite number"),
        ({"policy": {"lora": {"target_modules": "q_proj,"}}}, "names with commas between"),
        ({"sandbox": {"workers": 0}}, "sandbox.workers must be positive, not 0"),
        ({"seed": -1}, "seed must be >= 0"),
    ],
)
def test_a_mistake_is_named(data, message):
    with pytest.raises(UserError, match=message):
        TrainConfig.from_dict(data)


def test_a_mistake_in_python_is_named_too():
    with pytest.raises(UserError, match=r"unknown value of grpo.loss_type 'ppo'"):
        GrpoConfig(loss_type="ppo")
    with pytest.raises(UserError, match=r"grpo.learning_rate must be of type float, not 'fast'"):
        GrpoConfig(learning_rate="fast")
    with pytest.raises(UserError, match="engine cannot be a GrpoConfig"):
        TrainConfig(engine=GrpoConfig())
    assert TrainConfig(policy=PolicyConfig(lora=LoraConfig(alpha=8))).policy.lora.alpha == 8


CISPO = {"loss_type": "cispo", "epsilon_high": 5.0}
VLLM = {"engine": {"kind": "vllm-colocate"}}


@pytest.mark.parametrize(
    ("data", "message"),
    [
        ({"grpo": {"loss_type": "cispo"}}, "caps the ratio itself, so it must be above 1: 5.0"),
        ({"grpo": {**CISPO, "epsilon": 0.1}}, "grpo.epsilon does nothing with loss_type cispo"),
        ({"grpo": {"loss_type": "sapo", "epsilon_high": 0.3}}, "does nothing with loss_type sapo"),
        ({"grpo": {**CISPO, "delta": 9.0}}, "grpo.delta does nothing with loss_type cispo"),
        ({"grpo": {"delta": 1.1}}, r"must be above 1 \+ epsilon_high = 1.28"),
        ({"grpo": {"loss_type": "luspo"}}, "luspo needs importance_sampling_level sequence"),
        ({"grpo": {"importance_sampling_level": "sequence"}}, r"use loss_type grpo \(GSPO\)"),
        ({"grpo": {"reference_sync": {}}}, "reference_sync does nothing with beta 0"),
        ({"grpo": {"use_bias_correction_kl": False}}, "does nothing with beta 0"),
        (
            {"grpo": {"beta": 0.1, "reference_sync": {}}, "policy": {"lora": {}}},
            "does not work with policy.lora",
        ),
        ({"grpo": {"off_policy_mask_threshold": 0.5}}, "nothing is off policy"),
        ({"grpo": {"entropy_bonus": {"coef": 0}}}, "without a target does nothing"),
        ({"grpo": {"entropy_bonus": {"coef_max": 2}}}, "coef_max does nothing without"),
        ({"grpo": {"num_iterations": 3}}, "steps 1000 must be a multiple of 3"),
        (
            {"grpo": {"num_iterations": 2, "updates_per_generation": 2}, "checkpoint_every": 6},
            "checkpoint_every 6 must be a multiple of 4",
        ),
        ({"schedule": {"name": "constant_with_warmup"}}, "needs schedule.warmup_steps"),
        ({"schedule": {"name": "warmup_stable_decay"}}, "needs schedule.decay_steps"),
        ({"schedule": {"name": "linear", "cycles": 2}}, "cycles does nothing with schedule linear"),
        ({"schedule": {"name": "linear", "warmup_steps": 1000}}, "must be below steps 1000"),
        (
            {
                "schedule": {"name": "warmup_stable_decay", "warmup_steps": 9, "decay_steps": 99},
                "steps": 100,
            },
            "more than steps 100",
        ),
        ({"optimizer": {"name": "sgd", "adam_beta1": 0.8}}, "adam_beta1 does nothing with"),
        ({"policy": {"quantization": "4bit"}}, "4bit needs policy.lora"),
        (
            {"policy": {"quantization": "4bit", "lora": {}}, "device": "cpu"},
            "4bit needs a GPU, and device is cpu",
        ),
        (
            {"policy": {"quantization": "4bit", "lora": {}}, **VLLM},
            "does not work with engine vllm",
        ),
        ({"precision": "fp16", "device": "cpu"}, "fp16 needs a GPU"),
        (
            {**VLLM, "sampling": {"top_p": 0.9}},
            "sampling.top_p 0.9 makes the importance correction",
        ),
        ({**VLLM, "sampling": {"top_k": 9}}, "sampling.top_k 9 makes the importance correction"),
        (
            {**VLLM, "sampling": {"min_p": 0.1}},
            "sampling.min_p 0.1 makes the importance correction",
        ),
        (
            {**VLLM, "sampling": {"repetition_penalty": 1.1}},
            "sampling.repetition_penalty 1.1 makes",
        ),
        (
            {"engine": {"kind": "vllm-colocate", "max_model_tokens": 4100}},
            r"4100 is less than lengths.max_prompt_tokens 4096 \+ max_completion_tokens 96 = 4192",
        ),
        (
            {"engine": {"kind": "vllm-colocate", "correction": {"cap": None}}},
            "neither cap nor floor",
        ),
        (
            {"engine": {"kind": "vllm-colocate", "correction": {"floor": 4}}},
            "floor 4.0 must be below cap 3.0",
        ),
        (
            {
                "engine": {"kind": "vllm-colocate", "correction": {"mode": "sequence_mask"}},
                "grpo": {"loss_type": "vespo"},
            },
            "vespo needs engine.correction.mode token_truncate",
        ),
        ({"tracking": {"project": "mine"}}, "project does nothing without trackio or wandb"),
        ({"measure": {"seed": 4}}, "measure.seed does nothing with measure.samples 0"),
    ],
)
def test_settings_that_contradict_each_other_are_refused_with_the_reason(data, message):
    with pytest.raises(UserError, match=message):
        TrainConfig.from_dict(data)


def test_without_the_correction_vllm_may_cut_the_distribution():
    config = TrainConfig.from_dict(
        {"engine": {"kind": "vllm-colocate", "correction": None}, "sampling": {"top_p": 0.9}}
    )
    assert config.engine == VllmColocate(correction=None)


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


def test_a_file_of_either_kind_words_and_python_make_the_same_tree(tmp_path):
    config = TrainConfig(
        policy=PolicyConfig(lora=LoraConfig(rank=4)),
        data=DataConfig(tasks=("00576224", "12e41234"), split=None),
        reward=scheme("staged", exact=3.0),
        grpo=GrpoConfig(learning_rate=1e-5, epsilon_high=None, mask_truncated_completions=True),
        engine=VllmColocate(sleep=True),
    )
    plain = tmp_path / "run.json"
    plain.write_text(json.dumps(config.to_dict()))
    assert TrainConfig.load(plain) == config
    yaml = tmp_path / "run.yaml"
    yaml.write_text(
        """
        # YAML's own rules would make an octal number, a float and a string of these.
        policy: {lora: {rank: 4}}
        data:
          tasks: [00576224, 12e41234]
          split: null
        reward: {name: staged, exact: 3}
        grpo:
          learning_rate: 1e-5
          epsilon_high:
          mask_truncated_completions: true
        engine: {kind: vllm-colocate, sleep: true}
        """
    )
    assert TrainConfig.load(yaml) == config
    words = (
        "policy.lora.rank=4",
        "data.tasks=00576224,12e41234",
        "data.split=null",
        "reward=staged",
        "reward.exact=3",
        "grpo.learning-rate=1e-5",
        "grpo.epsilon_high=none",
        "grpo.mask_truncated_completions=true",
        "engine=vllm-colocate",
        "engine.sleep=true",
    )
    assert TrainConfig.load(None, words) == config


def test_words_change_what_a_file_says_and_the_last_one_wins(tmp_path):
    path = tmp_path / "run.yml"
    path.write_text("policy: {lora: {rank: 4, alpha: 8}}\nreward: staged\n")
    changes = ("policy.lora.rank=8", "steps=50", "steps=150", "reward.pairs=train")
    config = TrainConfig.load(path, changes)
    assert config.policy.lora == LoraConfig(rank=8, alpha=8.0)
    assert config.steps == 150
    assert config.reward == scheme("staged", pairs="train")
    assert TrainConfig.load(path, ["policy.lora=null"]).policy.lora is None


@pytest.mark.parametrize(
    ("name", "text", "message"),
    [
        ("a.json", "{", "a.json is not JSON"),
        ("a.json", "[1]", "a.json holds list, not an object"),
        ("a.json", '{"steps": 1, "steps": 2}', "names 'steps' twice"),
        ("a.yaml", "steps: [", "a.yaml is not YAML"),
        ("a.yaml", "- steps", "a.yaml holds list"),
        ("a.yaml", "grpo: {beta: 1, beta: 2}", "names 'beta' twice"),
        ("a.yaml", "steps: many", "steps must be of type int, not 'many'"),
        ("a.yaml", "data: {augment: yes please}", "data.augment must be of type bool"),
    ],
)
def test_a_file_that_cannot_be_read_is_named(tmp_path, name, text, message):
    (tmp_path / name).write_text(text)
    with pytest.raises(UserError, match=message):
        TrainConfig.load(tmp_path / name)


@pytest.mark.parametrize(
    ("word", "message"),
    [
        ("steps", "write it as name.name=value"),
        ("=3", "write it as name.name=value"),
        ("steps.more=3", "unknown|steps must be of type int"),
        ("grpo.lr=3", "unknown config field 'grpo.lr'; one of: grpo.num_generations"),
        ("grpo.beta=warm", "grpo.beta must be of type float, not 'warm'"),
        ("grpo.num_iterations=1.5", "grpo.num_iterations must be of type int, not '1.5'"),
    ],
)
def test_a_word_that_does_not_fit_is_named(word, message):
    with pytest.raises(UserError, match=message):
        TrainConfig.load(None, [word])


@pytest.mark.parametrize(
    ("data", "message"),
    [
        (VLLM, r"engine vllm-colocate needs .* pip install 'arcbench\[vllm\]'"),
        ({"policy": {"lora": {}, "quantization": "4bit"}}, "4bit needs the package bitsandbytes"),
        ({"optimizer": {"name": "adamw_8bit"}}, "adamw_8bit needs the package bitsandbytes"),
        ({"tracking": {"report_to": ["wandb"]}}, "wandb needs the package wandb: pip install"),
    ],
)
def test_a_package_that_is_missing_is_asked_for_before_a_run_starts(data, message, tmp_path):
    needed = message.split("package ")[-1].split(":")[0] if "package" in message else "vllm"
    if find_spec(needed) is not None:
        pytest.skip(f"{needed} is installed here")
    with pytest.raises(UserError, match=message):
        jobs.start(TrainConfig.from_dict(data), root=tmp_path, name="x")
    assert not list(tmp_path.iterdir())
