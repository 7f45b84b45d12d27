"""From a TrainConfig to what TRL wants: model, tokenizer, adapter and its own settings."""

import logging
import os
from pathlib import Path
from typing import Any

from arcbench.errors import MissingExtra, UserError
from arcbench.policies import model_path
from arcbench.policies.chat import ChatTokenizer
from arcbench.runs import RunStore
from arcbench.training.config import TrainConfig


def prepare_libraries() -> None:
    """Set how torch's threads wait, and keep progress bars and advice out of the live lines.

    The first has no effect where torch is loaded already. Raises MissingExtra where the trainer is
    not installed.
    """
    # Threads that spin while they wait make a step five times as slow when anything else runs.
    os.environ.setdefault("OMP_WAIT_POLICY", "PASSIVE")
    os.environ.setdefault("TOKENIZERS_PARALLELISM", "false")
    os.environ.setdefault("TRL_EXPERIMENTAL_SILENCE", "1")  # rollout_func: its version is pinned
    try:
        import peft  # noqa: F401
        import trl  # noqa: F401
    except ModuleNotFoundError as error:
        raise MissingExtra("training", "train") from error
    from transformers.utils import logging as hf_logging

    hf_logging.disable_progress_bar()
    hf_logging.set_verbosity_error()
    logging.getLogger("accelerate").setLevel(logging.ERROR)


def on_gpu(config: TrainConfig) -> bool:
    """Whether the run is on a GPU; UserError if it is asked for and there is none."""
    import torch

    there: bool = torch.cuda.is_available()
    if config.device == "gpu" and not there:
        raise UserError("device gpu: torch sees no GPU here; use device cpu or auto")
    return there and config.device != "cpu"


def load_tokenizer(config: TrainConfig) -> ChatTokenizer:
    """The policy's tokenizer; UserError if it has no padding token of its own."""
    chat = ChatTokenizer.load(model_path(config.policy.model))
    tokenizer = chat.tokenizer
    tokenizer.padding_side = "left"
    if tokenizer.pad_token_id is None or tokenizer.pad_token_id == tokenizer.eos_token_id:
        raise UserError(
            f"the tokenizer of {chat.name} has no padding token of its own: with the end token as "
            "padding a completion's end is not learned"
        )
    return chat


def load_model(config: TrainConfig, gpu: bool, checkpoint: Path | None = None) -> Any:
    """The model in float32; weights that stay frozen under an adapter in bfloat16 on a GPU.

    With a `checkpoint` it has the weights (or the adapter) of that one.
    """
    import torch
    from transformers import AutoModelForCausalLM

    lora = config.policy.lora is not None
    folder = model_path(config.policy.model)
    if checkpoint is not None and not lora:
        folder = str(checkpoint)
    dtype = torch.bfloat16 if gpu and lora else torch.float32
    try:
        model = AutoModelForCausalLM.from_pretrained(folder, dtype=dtype)
    except (OSError, ValueError) as error:
        reason = str(error).strip().splitlines()[0]
        raise UserError(f"no model in {folder!r}: {reason}") from error
    if checkpoint is not None and lora:
        from peft import PeftModel

        model = PeftModel.from_pretrained(model, str(checkpoint))
    return model.to("cuda") if gpu else model


def peft_config(config: TrainConfig) -> Any:
    """PEFT's settings of the adapter, None without one."""
    lora = config.policy.lora
    if lora is None:
        return None
    from peft import LoraConfig

    names = [n.strip() for n in lora.target_modules.split(",")]
    return LoraConfig(
        r=lora.rank,
        lora_alpha=lora.alpha,
        lora_dropout=lora.dropout,
        target_modules=names[0] if names == ["all-linear"] else names,
        task_type="CAUSAL_LM",
    )


def grpo_args(config: TrainConfig, store: RunStore, gpu: bool) -> Any:
    """TRL's own settings."""
    from trl import GRPOConfig

    g, s = config.grpo, config.sampling
    micro = g.micro_batch or g.completions_per_step
    return GRPOConfig(
        output_dir=str(store.checkpoints),
        run_name=store.name,
        max_steps=config.steps,
        per_device_train_batch_size=micro,
        gradient_accumulation_steps=g.completions_per_step // micro,
        num_generations=g.num_generations,
        max_completion_length=config.lengths.max_completion_tokens,
        temperature=s.temperature,
        top_p=s.top_p,
        top_k=s.top_k,
        learning_rate=g.learning_rate,
        lr_scheduler_type=g.schedule,
        warmup_steps=g.warmup_steps,
        weight_decay=g.weight_decay,
        max_grad_norm=g.max_grad_norm,
        beta=g.beta,
        loss_type=g.loss_type,
        scale_rewards=g.scale_rewards,
        epsilon=g.epsilon,
        epsilon_high=g.epsilon_high,
        mask_truncated_completions=g.mask_truncated_completions,
        # Rows are in their order already: see data.PromptSource.
        shuffle_dataset=False,
        logging_steps=1,
        save_strategy="steps",
        save_steps=config.checkpoint_every,
        save_total_limit=config.keep_checkpoints,
        report_to=list(config.report_to) or "none",
        disable_tqdm=True,
        use_cpu=not gpu,
        bf16=gpu,
        # Recomputing activations costs a third of a step, and small models have room for them.
        gradient_checkpointing=gpu and config.policy.lora is not None,
        seed=config.seed,
    )
