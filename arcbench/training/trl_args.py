"""From a TrainConfig to TRL's own settings: the one place that knows the names in GRPOConfig."""

from typing import Any

from arcbench.errors import UserError
from arcbench.runs import RunStore
from arcbench.training.build import precision
from arcbench.training.config import (
    ImportanceCorrection,
    TrainConfig,
    TransformersEngine,
    VllmColocate,
    VllmServer,
)


def num_prompts(config: TrainConfig) -> int:
    """How many prompts the whole run reads."""
    return config.steps * config.grpo.prompts_per_step // config.grpo.num_iterations


def grpo_args(
    config: TrainConfig, store: RunStore, gpu: bool, positions: int, processes: int = 1
) -> Any:
    """TRL's GRPOConfig of each of the processes; the policy can take `positions` tokens."""
    from trl import GRPOConfig

    kind = precision(config, gpu)
    return GRPOConfig(
        output_dir=str(store.checkpoints),
        run_name=store.name,
        max_steps=config.steps,
        # Rows are in their order already: see data.PromptSource.
        shuffle_dataset=False,
        logging_steps=1,
        logging_nan_inf_filter=False,  # it would show the mean of the losses before instead
        save_strategy="steps",
        save_steps=config.checkpoint_every,
        save_total_limit=config.keep_checkpoints,
        report_to="none",  # see `tracking`
        disable_tqdm=True,
        use_cpu=not gpu,
        bf16=kind == "bf16",
        fp16=kind == "fp16",
        gradient_checkpointing=checkpointing(config, gpu),
        seed=config.seed,
        # All of an adapter and all of a model is used; a search for what is not costs time.
        ddp_find_unused_parameters=False,
        **_batch_args(config, processes),
        **_loss_args(config),
        **_optimizer_args(config),
        **_sampling_args(config),
        **_engine_args(config, positions),
    )


def checkpointing(config: TrainConfig, gpu: bool) -> bool:
    """Whether activations are computed again in the backward pass.

    That costs a third of a step, and small models have room for them.
    """
    asked = config.gradient_checkpointing
    return gpu and config.policy.lora is not None if asked is None else asked


def micro_batches(config: TrainConfig, processes: int) -> tuple[int, int]:
    """Completions of one forward pass, and how many such passes a process makes for a step.

    UserError if the step cannot be divided so.
    """
    g = config.grpo
    share, rest = divmod(g.completions_per_step, processes)
    if rest:
        raise UserError(
            f"the {g.completions_per_step} completions of a step (grpo.num_generations × "
            f"prompts_per_step) cannot be divided among {processes} processes"
        )
    micro = g.micro_batch or share
    if share % micro:
        raise UserError(
            f"grpo.micro_batch {micro} does not divide the {share} completions of a step that each "
            f"of {processes} processes has"
        )
    return micro, share // micro


def _batch_args(config: TrainConfig, processes: int) -> dict[str, Any]:
    g = config.grpo
    micro, accumulation = micro_batches(config, processes)
    return {
        "num_generations": g.num_generations,
        "per_device_train_batch_size": micro,
        "gradient_accumulation_steps": accumulation,
        # TRL counts forward passes, we count optimiser steps.
        "steps_per_generation": accumulation * g.updates_per_generation,
        "num_iterations": g.num_iterations,
    }


def _loss_args(config: TrainConfig) -> dict[str, Any]:
    g = config.grpo
    names = (
        "loss_type", "importance_sampling_level", "epsilon", "epsilon_high", "delta",
        "scale_rewards", "mask_truncated_completions", "top_entropy_quantile",
        "off_policy_mask_threshold", "beta", "use_bias_correction_kl",
    )  # fmt: skip
    args: dict[str, Any] = {name: getattr(g, name) for name in names}
    if g.reference_sync is not None:
        args |= {
            "sync_ref_model": True,
            "ref_model_sync_steps": g.reference_sync.every_steps,
            "ref_model_mixup_alpha": g.reference_sync.mixup_alpha,
        }
    bonus = g.entropy_bonus
    if bonus is not None:
        args["entropy_coef"] = bonus.coef
        if bonus.target is not None:
            args |= {
                "use_adaptive_entropy": True,
                "entropy_target": bonus.target,
                "entropy_coef_delta": bonus.coef_delta,
                "entropy_coef_max": bonus.coef_max,
            }
    return args


def _optimizer_args(config: TrainConfig) -> dict[str, Any]:
    o, s = config.optimizer, config.schedule
    return {
        "learning_rate": config.grpo.learning_rate,
        "optim": o.name,
        "weight_decay": o.weight_decay,
        "max_grad_norm": o.max_grad_norm,
        "adam_beta1": o.adam_beta1,
        "adam_beta2": o.adam_beta2,
        "adam_epsilon": o.adam_epsilon,
        "lr_scheduler_type": s.name,
        "lr_scheduler_kwargs": s.kwargs,
        "warmup_steps": s.warmup_steps,
    }


def _sampling_args(config: TrainConfig) -> dict[str, Any]:
    s = config.sampling
    return {
        "temperature": s.temperature,
        "top_p": s.top_p,
        "top_k": s.top_k,
        "min_p": s.min_p or None,
        "repetition_penalty": s.repetition_penalty,
        "max_completion_length": config.lengths.max_completion_tokens,
    }


def _engine_args(config: TrainConfig, positions: int) -> dict[str, Any]:
    engine = config.engine
    if isinstance(engine, TransformersEngine):
        return {"use_transformers_continuous_batching": engine.continuous_batching}
    args = _correction_args(engine.correction)
    if isinstance(engine, VllmColocate):
        return args | {
            "use_vllm": True,
            "vllm_mode": "colocate",
            "vllm_gpu_memory_utilization": engine.gpu_memory_share,
            "vllm_tensor_parallel_size": engine.tensor_parallel,
            "vllm_enable_sleep_mode": engine.sleep,
            "vllm_max_model_length": engine_tokens(config, positions),
        }
    if isinstance(engine, VllmServer):
        return args | {
            "use_vllm": True,
            "vllm_mode": "server",
            "vllm_server_base_url": engine.url,
            "vllm_server_timeout": engine.patience_s,
            "vllm_group_port": engine.group_port,
        }
    # Adapters by name: TRL knows no such engine, so it is put in its place (engine_setup).
    return args


def engine_tokens(config: TrainConfig, positions: int) -> int:
    """Longest prompt and completion together of a vLLM in this process, in tokens.

    Room for fewer tokens is more room for completions side by side.
    """
    asked = config.engine.max_model_tokens if isinstance(config.engine, VllmColocate) else None
    return asked or min(config.lengths.total, positions)


def _correction_args(correction: ImportanceCorrection | None) -> dict[str, Any]:
    if correction is None:
        return {"vllm_importance_sampling_correction": False}
    return {
        "vllm_importance_sampling_correction": True,
        "vllm_importance_sampling_mode": correction.mode,
        "vllm_importance_sampling_clip_max": correction.cap,
        "vllm_importance_sampling_clip_min": correction.floor,
    }
