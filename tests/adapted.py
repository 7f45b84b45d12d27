"""Adapters and runs to load policies from, made without training."""

import json
from pathlib import Path

from arcbench.runs import RunStore
from arcbench.training.config import PolicyConfig, TrainConfig


def save_adapter(base: Path, folder: Path, *, seed: int = 0, size: float = 0.2, **settings) -> Path:
    """Save a LoRA adapter that changes what the model in `base` writes; returns `folder`."""
    import torch
    from peft import LoraConfig, get_peft_model
    from transformers import AutoModelForCausalLM

    torch.manual_seed(seed)
    options = {"r": 4, "lora_alpha": 8, "target_modules": "all-linear", "task_type": "CAUSAL_LM"}
    model = AutoModelForCausalLM.from_pretrained(str(base), dtype=torch.float32)
    model = get_peft_model(model, LoraConfig(**{**options, **settings}))
    with torch.no_grad():
        for name, parameter in model.named_parameters():
            if "lora_B" in name:  # zero in a new adapter
                parameter.normal_(std=size)
    model.save_pretrained(str(folder))
    return folder


def make_run(root: Path, name: str, policy: PolicyConfig) -> RunStore:
    """A run's folder without checkpoints."""
    return RunStore.create(root, name, TrainConfig(policy=policy).to_dict())


def checkpoint(store: RunStore, step: int, *, whole: bool = True) -> Path:
    """The folder of a checkpoint with nothing but the mark that it is whole."""
    folder = store.checkpoints / f"checkpoint-{step}"
    folder.mkdir(parents=True)
    if whole:
        (folder / "whole.json").write_text(json.dumps({"step": step}))
    return folder
