"""From a TrainConfig to TRL's own settings: the one place that knows the names in GRPOConfig."""

from typing import Any

from arcbench.runs import RunStore
from arcbench.training.build import precision
from arcbench.training.config import ImportanceCorrection, TrainConfig, TransformersEngine


def num_prompts(config: TrainConfig) -> int:
    """How many prompts the whole run reads."""
    return config.steps * config.grpo.prompts_per_step // config.grpo.num_iterations


def grpo_args(config: TrainConfig, store: RunStore, gpu: bool, positions: int) -> Any:
    """TRL's GRPOConfig; `positions` is how many tokens the policy can take."""
    from trl import GRPOConfig

    checkpointing = config.gradient_checkpointing
    if checkpointing is None:
        # Recomputing activations costs a third of a step, and small models have room for them.
        checkpointing = gpu and config.policy.lora is not None
    kind = precision(config, gpu)
    return GRPOConfig(
        output_dir=str(store.checkpoints),
        run_name=store.name,
        max_steps=config.steps,
        # Rows are in their order already: see data.PromptSource.
        shuffle_dataset=False,
        logging_steps=1,
        save_strategy="steps",
        save_steps=config.checkpoint_every,
        save_total_limit=config.keep_checkpoints,
        report_to=list(config.tracking.report_to) or "none",
        project=config.tracking.project,
        disable_tqdm=True,
        use_cpu=not gpu,
        bf16=kind == "bf16",
        fp16=kind == "fp16",
        gradient_checkpointing=checkpointing,
        seed=config.seed,
        **_batch_args(config),
        **_loss_args(config),
        **_optimizer_args(config),
        **_sampling_args(config),
        **_engine_args(config, positions),
    )


def _batch_args(config: TrainConfig) -> dict[str, Any]:
    g = config.grpo
    micro = g.micro_batch or g.completions_per_step
    accumulation = g.completions_per_step // micro
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
        return {}
    args = {
        "use_vllm": True,
        "vllm_mode": "colocate",
        "vllm_gpu_memory_utilization": engine.gpu_memory_share,
        "vllm_tensor_parallel_size": engine.tensor_parallel,
        "vllm_enable_sleep_mode": engine.sleep,
        # Room for fewer tokens is more room for completions side by side.
        "vllm_max_model_length": engine.max_model_tokens or min(config.lengths.total, positions),
    }
    return args | _correction_args(engine.correction)


def _correction_args(correction: ImportanceCorrection | None) -> dict[str, Any]:
    if correction is None:
        return {"vllm_importance_sampling_correction": False}
    return {
        "vllm_importance_sampling_correction": True,
        "vllm_importance_sampling_mode": correction.mode,
        "vllm_importance_sampling_clip_max": correction.cap,
        "vllm_importance_sampling_clip_min": correction.floor,
    }
