"""No setting without effect: each leaf of the tree changes what a part of the trainer is given."""

from dataclasses import fields, is_dataclass, replace
from importlib.metadata import PackageNotFoundError
from pathlib import Path

import pytest

from arcbench.errors import UserError
from arcbench.evaluation import TaskCount
from arcbench.judge import Judge
from arcbench.runs import RunStore
from arcbench.training.clock import Clock
from arcbench.training.config import TrainConfig
from arcbench.training.curriculum import write_pass_rates
from arcbench.training.data import prompt_source
from tests.adapted import save_adapter
from tests.guarded_course import guarded_course
from tests.tiny_policy import save_tiny_policy

LORA = {"policy": {"lora": {}}}
RATES = {"data": {"signal_from": "RATES"}}
VLLM = {"engine": {"kind": "vllm-colocate"}}
SERVER = {"engine": {"kind": "vllm-server"}}
ADAPTERS = {**LORA, "engine": {"kind": "vllm-adapters"}}
STOP, REWIND = {"guard": {"action": "stop"}}, {"guard": {"action": "rewind"}}
# For each leaf: the settings in which it counts, another value of it, and who must see a change.
LEAVES = {
    "policy.model": ({}, "TINY", "folder"),
    "policy.template": ({}, "arcbench-compact", "prompt"),
    "policy.lora.rank": (LORA, 4, "adapter"),
    "policy.lora.alpha": (LORA, 8.0, "adapter"),
    "policy.lora.dropout": (LORA, 0.1, "adapter"),
    "policy.lora.target_modules": (LORA, "q_proj,v_proj", "adapter"),
    "policy.adapter": ({}, "ADAPTER", "adapter"),
    "policy.unsloth": (LORA, True, "packages"),
    "policy.quantization": ({**LORA, "device": "gpu"}, "4bit", "weights"),
    "data.dataset": ({}, "arc-agi-2", "tasks"),
    "data.split": ({}, "evaluation", "tasks"),
    "data.tasks": ({}, ["67a3c6ac"], "tasks"),
    "data.part": ({}, "held-out", "tasks"),
    "data.order": ({"seed": 3}, "shortest-first", "prompt"),
    "data.signal_from": ({}, "RATES", "tasks"),
    "data.min_signal": (RATES, 0.8, "tasks"),
    "data.weights": (RATES, "unsolved", "weights_of_tasks"),
    "data.augment": ({}, False, "prompt"),
    "data.symmetries": ({}, False, "prompt"),
    "data.colors": ({}, False, "prompt"),
    "data.pair_order": ({}, False, "prompt"),
    "data.keep_black": ({}, False, "prompt"),
    "lengths.max_prompt_tokens": ({}, 500, "tasks"),
    "lengths.max_completion_tokens": ({}, 50, "trl sampling"),
    "sampling.temperature": ({}, 0.7, "trl sampling"),
    "sampling.top_p": ({}, 0.9, "trl sampling"),
    "sampling.top_k": ({}, 50, "trl sampling"),
    "sampling.min_p": ({}, 0.1, "trl sampling"),
    "sampling.repetition_penalty": ({}, 1.1, "trl sampling"),
    "reward.name": ({}, "custom", "reward"),
    "reward.no_code": ({}, -2.0, "reward"),
    "reward.code": ({}, 0.5, "reward"),
    "reward.ran": ({}, 0.5, "reward"),
    "reward.exact": ({}, 5.0, "reward"),
    "reward.pixel": ({}, 0.5, "reward"),
    "reward.length": ({}, 0.1, "reward"),
    "reward.pairs": ({}, "train", "reward"),
    "grpo.num_generations": ({}, 4, "trl sampling"),
    "grpo.prompts_per_step": ({}, 2, "trl"),
    "grpo.micro_batch": ({}, 4, "trl"),
    "grpo.updates_per_generation": ({}, 2, "trl"),
    "grpo.num_iterations": ({}, 2, "trl"),
    "grpo.learning_rate": ({}, 1e-5, "trl"),
    "grpo.loss_type": ({}, "dr_grpo", "trl"),
    "grpo.importance_sampling_level": ({"grpo": {"loss_type": "grpo"}}, "sequence", "trl"),
    "grpo.epsilon": ({}, 0.1, "trl"),
    "grpo.epsilon_high": ({}, None, "trl"),
    "grpo.delta": ({}, 2.0, "trl"),
    "grpo.scale_rewards": ({}, "none", "trl"),
    "grpo.mask_truncated_completions": ({}, True, "trl"),
    "grpo.top_entropy_quantile": ({}, 0.2, "trl"),
    "grpo.off_policy_mask_threshold": ({"grpo": {"num_iterations": 2}}, 0.5, "trl"),
    "grpo.beta": ({}, 0.04, "trl"),
    "grpo.use_bias_correction_kl": ({"grpo": {"beta": 0.04}}, False, "trl"),
    "grpo.reference_sync.every_steps": ({"grpo": {"beta": 0.04, "reference_sync": {}}}, 64, "trl"),
    "grpo.reference_sync.mixup_alpha": ({"grpo": {"beta": 0.04, "reference_sync": {}}}, 0.5, "trl"),
    "grpo.entropy_bonus.coef": ({"grpo": {"entropy_bonus": {}}}, 0.01, "trl"),
    "grpo.entropy_bonus.target": ({"grpo": {"entropy_bonus": {}}}, 0.4, "trl"),
    "grpo.entropy_bonus.coef_delta": ({"grpo": {"entropy_bonus": {"target": 0.4}}}, 0.1, "trl"),
    "grpo.entropy_bonus.coef_max": ({"grpo": {"entropy_bonus": {"target": 0.4}}}, 0.1, "trl"),
    "optimizer.name": ({}, "adamw_torch", "trl"),
    "optimizer.weight_decay": ({}, 0.1, "trl"),
    "optimizer.max_grad_norm": ({}, 0.2, "trl"),
    "optimizer.adam_beta1": ({}, 0.8, "trl"),
    "optimizer.adam_beta2": ({}, 0.95, "trl"),
    "optimizer.adam_epsilon": ({}, 1e-6, "trl"),
    "schedule.name": ({}, "linear", "trl"),
    "schedule.warmup_steps": ({"schedule": {"name": "linear"}}, 10, "trl"),
    "schedule.min_lr_rate": (
        {"schedule": {"name": "cosine_with_min_lr", "min_lr_rate": 0.5}},
        0.1,
        "trl",
    ),
    "schedule.cycles": ({"schedule": {"name": "cosine_with_restarts", "cycles": 2}}, 3, "trl"),
    "schedule.decay_steps": (
        {"schedule": {"name": "warmup_stable_decay", "decay_steps": 20}},
        40,
        "trl",
    ),
    "engine.kind": ({}, "vllm-colocate", "trl sampler"),
    "engine.continuous_batching": ({}, True, "trl sampler"),
    "engine.url": (SERVER, "http://10.0.0.2:8001", "trl addresses"),
    "engine.group_port": (SERVER, 51217, "trl"),
    "engine.urls": (ADAPTERS, ["http://10.0.0.2:8001", "http://10.0.0.3:8001"], "addresses"),
    "engine.patience_s": (ADAPTERS, 5.0, "addresses"),
    "engine.gpu_memory_share": (VLLM, 0.5, "trl"),
    "engine.tensor_parallel": (VLLM, 2, "trl"),
    "engine.sleep": (VLLM, True, "trl"),
    "engine.max_model_tokens": (VLLM, 9000, "trl"),
    "engine.correction.mode": (VLLM, "sequence_mask", "trl"),
    "engine.correction.cap": (VLLM, 2.0, "trl"),
    "engine.correction.floor": (VLLM, 0.1, "trl"),
    "sync.prove": ({}, False, "canary"),
    "sync.every": ({}, 0, "canary"),
    "guard.action": ({}, "off", "guard"),
    "guard.kinds": (STOP, ["memory"], "guard"),
    "guard.severity": (STOP, "warning", "guard"),
    "guard.patience": (STOP, 9, "guard"),
    "guard.lr_factor": (REWIND, 0.5, "guard"),
    "guard.max_rewinds": (REWIND, 1, "guard"),
    "guard.keep_healthy": ({}, 1, "guard"),
    "sandbox.workers": ({}, 3, "pool"),
    "sandbox.timeout_s": ({}, 9.0, "pool"),
    "sandbox.memory_mb": ({}, 300, "pool"),
    "measure.samples": ({}, 2, "measured"),
    "measure.temperature": ({"measure": {"samples": 2}}, 0.1, "measured"),
    "measure.seed": ({"measure": {"samples": 2}}, 5, "measured"),
    "tracking.report_to": ({}, ["tensorboard"], "trackers"),
    "tracking.project": ({"tracking": {"report_to": ["trackio"]}}, "mine", "trackers"),
    "steps": ({}, 100, "trl"),
    "max_minutes": ({}, 1e-9, "clock"),
    "checkpoint_every": ({}, 10, "trl"),
    "keep_checkpoints": ({}, 3, "trl"),
    "device": ({}, "gpu", "gpu"),
    "precision": (LORA, "bf16", "trl weights"),
    "gradient_checkpointing": ({}, True, "trl"),
    "threads": ({}, 1, "threads"),
    "seed": ({}, 3, "trl sampling prompt"),
}


def leaves(part, where=""):
    for f in fields(part):
        value = getattr(part, f.name)
        if is_dataclass(value):
            yield from leaves(value, f"{where}{f.name}.")
        else:
            yield f"{where}{f.name}"


def everything() -> set[str]:
    """The leaves of all trees, each optional part switched on once."""
    found = set()
    for data in (
        {},
        LORA,
        VLLM,
        SERVER,
        ADAPTERS,
        {"grpo": {"beta": 0.04, "reference_sync": {}, "entropy_bonus": {}}},
    ):
        found |= set(leaves(TrainConfig.from_dict(data)))
    return found - {"policy.lora", "grpo.reference_sync", "grpo.entropy_bonus"}


def test_the_table_has_every_leaf_of_the_tree_and_no_other():
    assert everything() == set(LEAVES)


@pytest.fixture(scope="module")
def adapter(model, tmp_path_factory) -> Path:
    return save_adapter(model, tmp_path_factory.mktemp("adapter") / "adapter")


@pytest.fixture(scope="module")
def model(tmp_path_factory) -> Path:
    return save_tiny_policy(tmp_path_factory.mktemp("tiny"))


@pytest.fixture(scope="module")
def rates(tmp_path_factory) -> Path:
    counts = {
        "67a3c6ac": TaskCount(samples=32, solved=16),
        "68b16354": TaskCount(samples=32, solved=1),
        "a85d4709": TaskCount(samples=32, solved=0),
    }
    path = tmp_path_factory.mktemp("rates") / "rates.json"
    write_pass_rates(path, counts, "made")
    return path


@pytest.fixture(scope="module")
def chat():
    from arcbench.policies import load_tokenizer

    return load_tokenizer("embedded")


@pytest.fixture(scope="module")
def store(tmp_path_factory) -> RunStore:
    return RunStore.create(tmp_path_factory.mktemp("runs"), "effects", {})


def seen(who: str, config: TrainConfig, chat, store):
    """What a part of the trainer is given under a configuration."""
    from arcbench.policies import model_path
    from arcbench.training import build, measure, tracking
    from arcbench.training.engine_setup import RunEngine, canary_options
    from arcbench.training.requirements import check_packages
    from arcbench.training.trl_args import grpo_args

    def run_engine() -> RunEngine:
        return RunEngine(
            config=config, chat=chat, source=None, folder=store.path, say=print, give_up=print
        )

    if who == "trl":
        return grpo_args(config, store, False, 20_000).to_dict()
    if who == "weights":
        try:
            return str(build.load_options(config, config.device == "gpu"))
        except PackageNotFoundError as error:  # bitsandbytes, which such a run would ask for
            return str(error)
    if who == "adapter":
        found = build.peft_config(config)
        return config.policy.adapter or (found and found.to_dict())
    if who == "sampling":
        return run_engine().sampler.sampling(1)
    if who == "sampler":
        return type(run_engine().sampler)
    if who == "addresses":
        return [(c.base_url, c.patience_s) for c in run_engine().clients]
    if who == "canary":
        return canary_options(config)
    if who == "guard":
        return guarded_course(config)
    if who == "packages":
        try:
            return check_packages(config)
        except UserError as error:
            return str(error)
    if who == "trackers":
        return tracking.options(config, store)
    if who == "pool":
        return build.pool_options(config)
    if who == "folder":
        return model_path(config.policy.model)
    if who == "clock":
        return Clock(store=store, max_minutes=config.max_minutes).over(1)
    if who == "reward":
        return Judge(pool=None, scheme=config.reward).scheme
    if who == "tasks":
        return prompt_source(config, chat.count_tokens)[0].tasks
    if who == "weights_of_tasks":
        return prompt_source(config, chat.count_tokens)[0].weights
    if who == "prompt":
        one = replace(config, data=replace(config.data, tasks=("67a3c6ac", "68b16354")))
        return [prompt_source(one, chat.count_tokens)[0].row(i).messages for i in range(4)]
    if who == "measured":
        return measure.sampling(config) if config.measure.samples else None
    if who == "gpu":
        try:
            return build.on_gpu(config)
        except UserError as error:  # where there is none
            return str(error)
    assert who == "threads", who
    import torch

    before = torch.get_num_threads()
    try:
        torch.set_num_threads(2)
        build.set_threads(config)
        return torch.get_num_threads()
    finally:
        torch.set_num_threads(before)


@pytest.mark.long
@pytest.mark.slow  # for its imports; nothing is trained
@pytest.mark.parametrize("leaf", LEAVES)
def test_a_setting_changes_what_the_trainer_is_given(leaf, model, rates, adapter, chat, store):
    settings, value, watchers = LEAVES[leaf]
    if settings is RATES:
        settings = {"data": {"signal_from": str(rates)}}
    before = TrainConfig.from_dict(settings)
    *path, name = leaf.split(".")
    data = place = before.to_dict()
    for part in path:
        place = place[part]
    if leaf == "engine.kind":
        place.clear()
    made = {"TINY": str(model), "RATES": str(rates), "ADAPTER": str(adapter)}
    place[name] = made.get(str(value), value)
    after = TrainConfig.from_dict(data)
    for who in watchers.split():
        assert seen(who, after, chat, store) != seen(who, before, chat, store), who
