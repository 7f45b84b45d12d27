"""Loads a policy with unsloth: its kernels train, its vLLM may share the frozen weights."""

import os
from pathlib import Path
from typing import Any

from arcbench.policies import model_path
from arcbench.policies.adapter import served_rank
from arcbench.training import build
from arcbench.training.config import TrainConfig, VllmColocate
from arcbench.training.trl_args import checkpointing, engine_tokens

# What PEFT calls all-linear, by the names that unsloth wants.
ALL_LINEAR = ("q_proj", "k_proj", "v_proj", "o_proj", "gate_proj", "up_proj", "down_proj")


def load(config: TrainConfig, gpu: bool, checkpoint: Path | None = None) -> Any:
    """The model with a fresh adapter, the one to go on with, or the one of a `checkpoint`.

    With engine vllm-colocate unsloth builds the vLLM of this process, too. `import unsloth` must
    have come before transformers.
    """
    from transformers import AutoConfig
    from unsloth import FastLanguageModel

    lora, engine, folder = config.policy.lora, config.engine, model_path(config.policy.model)
    if lora is None:
        raise RuntimeError("TrainConfig lets unsloth train adapters only")
    positions = AutoConfig.from_pretrained(folder).max_position_embeddings
    options: dict[str, Any] = {}
    if isinstance(engine, VllmColocate):
        options = {
            "fast_inference": True,
            "gpu_memory_utilization": engine.gpu_memory_share,
            "max_lora_rank": served_rank(lora.rank),
        }
        if engine.sleep:
            os.environ["UNSLOTH_VLLM_STANDBY"] = "1"
    model, _ = FastLanguageModel.from_pretrained(
        model_name=folder,
        max_seq_length=engine_tokens(config, positions),
        dtype=build.load_options(config, gpu)["dtype"],
        load_in_4bit=config.policy.quantization == "4bit",
        fix_tokenizer=False,  # ours is repaired already
        **options,
    )
    names = [n.strip() for n in lora.target_modules.split(",")]
    model = FastLanguageModel.get_peft_model(
        model,
        r=lora.rank,
        lora_alpha=lora.alpha,
        lora_dropout=lora.dropout,
        target_modules=list(ALL_LINEAR) if names == ["all-linear"] else names,
        use_gradient_checkpointing="unsloth" if checkpointing(config, gpu) else False,
        random_state=config.seed,
    )
    start = checkpoint or config.policy.adapter
    if start is not None:
        from peft import load_peft_weights, set_peft_model_state_dict

        set_peft_model_state_dict(model, load_peft_weights(str(start)))
    return model
