"""The settings of the algorithm, the optimiser and the learning rate's course.

Where a field has TRL's name it means the same. What TRL's GRPOConfig has beyond these is left out
for a reason:
- reward_weights, multi_objective_aggregation: there is one reward; its parts are weighed in it.
- steps_per_generation, generation_batch_size, gradient_accumulation_steps: they follow from
  prompts_per_step, micro_batch and updates_per_generation, and cannot contradict each other.
- sapo_*, vespo_*: the papers' own constants.
- temperature and the other words on sampling are in `sampling`; vllm_* in `engine`.
- chat_template_kwargs, generation_kwargs, cache_implementation, continuous batching,
  shuffle_dataset, tools: arcbench renders prompts, samples and orders the data itself.
- cast_lm_head_to_fp32: mixed precision casts the product back to bfloat16.
- router_aux_loss_coef, images, environments: no such policy.
- log_completions and the like: the run folder has all rollouts with all parts of the reward.
- polynomial, reduce_lr_on_plateau, greedy schedules: linear with a power, and two that wait for an
  evaluation loss.
"""

from dataclasses import dataclass, fields
from typing import Any, Literal

from arcbench.errors import UserError
from arcbench.training.config_build import check_fields

Scale = Literal["group", "batch", "none"]
LossType = Literal["dapo", "grpo", "dr_grpo", "bnpo", "cispo", "sapo", "luspo", "vespo"]
Level = Literal["token", "sequence"]
Optimizer = Literal[
    "adamw_torch_fused", "adamw_torch", "adamw_8bit", "paged_adamw_8bit", "adafactor", "sgd"
]
ScheduleName = Literal[
    "constant", "constant_with_warmup", "linear", "cosine", "cosine_with_min_lr",
    "cosine_with_restarts", "inverse_sqrt", "warmup_stable_decay",
]  # fmt: skip
CLIPPING = ("dapo", "grpo", "dr_grpo", "bnpo", "luspo")  # losses with PPO's clip


def positive(part: Any, where: str, *names: str) -> None:
    """Raise UserError for a field that is not above zero."""
    for name in names:
        if not getattr(part, name) > 0:
            raise UserError(f"{where}{name} must be positive, not {getattr(part, name)!r}")


def not_negative(part: Any, where: str, *names: str) -> None:
    """Raise UserError for a field that is below zero."""
    for name in names:
        if getattr(part, name) < 0:
            raise UserError(f"{where}{name} must be >= 0, not {getattr(part, name)!r}")


def changed(part: Any, *names: str) -> list[str]:
    """Those of the fields that have another value than their default."""
    defaults = {f.name: f.default for f in fields(part)}
    return [name for name in names if getattr(part, name) != defaults[name]]


@dataclass(frozen=True, kw_only=True, slots=True)
class ReferenceSync:
    """Moves the reference model of the KL term towards the policy (TR-DPO)."""

    every_steps: int = 512  # TRL's, for long runs
    mixup_alpha: float = 0.6  # share of the policy in the new reference; TR-DPO's

    def __post_init__(self) -> None:
        check_fields(self, "grpo.reference_sync.")
        positive(self, "grpo.reference_sync.", "every_steps")
        if not 0 < self.mixup_alpha <= 1:
            raise UserError(
                f"grpo.reference_sync.mixup_alpha must be in (0, 1], not {self.mixup_alpha}"
            )


@dataclass(frozen=True, kw_only=True, slots=True)
class EntropyBonus:
    """A reward for not being sure, against collapse."""

    coef: float = 0.001  # weight of the mean entropy of a token; where it starts, with a target
    target: float | None = None  # nats; set: the weight follows, to keep entropy there (Skywork)
    coef_delta: float = 0.005  # how far the weight moves in a step; TRL's
    coef_max: float = 1.0  # TRL's; never reached in a healthy run

    def __post_init__(self) -> None:
        where = "grpo.entropy_bonus."
        check_fields(self, where)
        positive(self, where, "coef_delta", "coef_max")
        not_negative(self, where, "coef")
        if self.target is None:
            if not self.coef:
                raise UserError(
                    f"{where}coef 0 without a target does nothing: give one of them, or "
                    "grpo.entropy_bonus = null"
                )
            if useless := changed(self, "coef_delta", "coef_max"):
                raise UserError(f"{where}{useless[0]} does nothing without {where}target")
        elif self.target <= 0:
            raise UserError(f"{where}target must be positive, not {self.target}")
        elif self.coef > self.coef_max:
            raise UserError(f"{where}coef {self.coef} is above coef_max {self.coef_max}")


@dataclass(frozen=True, kw_only=True, slots=True)
class GrpoConfig:
    """The algorithm."""

    num_generations: int = 8  # completions a prompt: the group
    prompts_per_step: int = 1  # prompts that an optimiser step learns from
    micro_batch: int = 0  # completions in one forward pass; 0: a whole step at once
    updates_per_generation: int = 1  # optimiser steps that one sampling feeds; 1: on policy
    num_iterations: int = 1  # times that each completion is learned from; 1: on policy
    learning_rate: float = 1e-4  # for the embedded policy; LoRA on 8B: 1e-6 to 1e-5
    loss_type: LossType = "dapo"  # a mean over all tokens of the step, so length earns nothing
    importance_sampling_level: Level = "token"  # sequence: GSPO, with loss_type grpo
    epsilon: float = 0.2  # PPO's clip; on policy the ratio is 1 and nothing is clipped
    epsilon_high: float | None = 0.28  # above epsilon: rare tokens may grow (DAPO); cispo: the cap
    delta: float | None = None  # caps the ratio where the advantage is negative (INTELLECT-2)
    scale_rewards: Scale = "group"  # what advantages are divided by the deviation of
    mask_truncated_completions: bool = False  # masked ones would still count in the baseline
    top_entropy_quantile: float = 1.0  # share of tokens, the least sure ones, that learn; 1: all
    off_policy_mask_threshold: float | None = None  # drops bad completions that have become foreign
    beta: float = 0.0  # weight of the KL to the start policy; 0 keeps no reference model
    use_bias_correction_kl: bool = True  # the KL's unbiased gradient (DeepSeek-V3.2)
    reference_sync: ReferenceSync | None = None  # None: the reference stays the start policy
    entropy_bonus: EntropyBonus | None = None  # None: none, as in DAPO

    def __post_init__(self) -> None:
        where = "grpo."
        check_fields(self, where)
        positive(
            self, where, "prompts_per_step", "updates_per_generation", "num_iterations",
            "learning_rate", "epsilon",
        )  # fmt: skip
        not_negative(self, where, "beta", "micro_batch")
        if self.num_generations < 2:
            raise UserError(
                "grpo.num_generations must be at least 2: a group of one has no advantage, "
                f"not {self.num_generations}"
            )
        if self.micro_batch and self.completions_per_step % self.micro_batch:
            raise UserError(
                f"grpo.micro_batch {self.micro_batch} does not divide the "
                f"{self.completions_per_step} completions of a step"
            )
        if not 0 < self.top_entropy_quantile <= 1:
            raise UserError(
                f"grpo.top_entropy_quantile must be in (0, 1], not {self.top_entropy_quantile}"
            )
        threshold = self.off_policy_mask_threshold
        if threshold is not None and threshold <= 0:
            raise UserError(f"grpo.off_policy_mask_threshold must be positive, not {threshold}")
        self._check_clip()
        self._check_level()
        self._check_reference()

    @property
    def completions_per_step(self) -> int:
        """num_generations × prompts_per_step."""
        return self.num_generations * self.prompts_per_step

    @property
    def steps_per_sampling(self) -> int:
        """Optimiser steps from one sampling to the next; 1: on policy."""
        return self.updates_per_generation * self.num_iterations

    def _check_clip(self) -> None:
        loss, high = self.loss_type, self.epsilon_high
        unused = {"cispo": ["epsilon"], "sapo": ["epsilon", "epsilon_high"]}
        unused["vespo"] = unused["sapo"]
        if useless := changed(self, *unused.get(loss, [])):
            raise UserError(f"grpo.{useless[0]} does nothing with loss_type {loss}")
        if loss == "cispo" and (high is None or high <= 1):
            raise UserError(
                f"grpo.epsilon_high {high} with loss_type cispo caps the ratio itself, so it must "
                "be above 1: 5.0 is usual"
            )
        if loss in CLIPPING and high is not None and high < self.epsilon:
            raise UserError(f"grpo.epsilon_high {high} is below epsilon {self.epsilon}")
        if self.delta is None:
            return
        if loss not in CLIPPING:
            raise UserError(f"grpo.delta does nothing with loss_type {loss}")
        bound = 1 + (self.epsilon if high is None else high)
        if self.delta <= bound:
            raise UserError(f"grpo.delta {self.delta} must be above 1 + epsilon_high = {bound}")

    def _check_level(self) -> None:
        loss, level = self.loss_type, self.importance_sampling_level
        if loss == "luspo" and level != "sequence":
            raise UserError("grpo.loss_type luspo needs importance_sampling_level sequence")
        if loss == "vespo" and level != "token":
            raise UserError(
                "grpo.loss_type vespo makes its own ratio of a sequence: "
                "importance_sampling_level must be token"
            )
        if level == "sequence" and loss in ("dapo", "bnpo", "dr_grpo", "cispo"):
            raise UserError(
                f"grpo.importance_sampling_level sequence with loss_type {loss} weighs a "
                "completion by its length: use loss_type grpo (GSPO) or luspo"
            )

    def _check_reference(self) -> None:
        if self.beta:
            return
        if self.reference_sync is not None:
            raise UserError("grpo.reference_sync does nothing with beta 0: there is no reference")
        if changed(self, "use_bias_correction_kl"):
            raise UserError("grpo.use_bias_correction_kl = false does nothing with beta 0")


@dataclass(frozen=True, kw_only=True, slots=True)
class OptimizerConfig:
    """How gradients become steps; the learning rate is grpo.learning_rate."""

    name: Optimizer = "adamw_torch_fused"  # TRL's; 8-bit ones spare memory without an adapter
    weight_decay: float = 0.0  # nothing to forget in some thousand steps
    max_grad_norm: float = 1.0  # TRL's; 0.1 to 0.2 is a remedy for runs that collapse
    adam_beta1: float = 0.9
    adam_beta2: float = 0.999  # 0.95 to 0.99 forgets a spike sooner
    adam_epsilon: float = 1e-8

    def __post_init__(self) -> None:
        where = "optimizer."
        check_fields(self, where)
        positive(self, where, "max_grad_norm", "adam_epsilon")
        not_negative(self, where, "weight_decay")
        for name in ("adam_beta1", "adam_beta2"):
            if not 0 <= getattr(self, name) < 1:
                raise UserError(f"{where}{name} must be in [0, 1), not {getattr(self, name)}")
        adam = ("adam_beta1", "adam_beta2", "adam_epsilon")
        if "adamw" not in self.name and (useless := changed(self, *adam)):
            raise UserError(f"{where}{useless[0]} does nothing with {where}name {self.name}")


@dataclass(frozen=True, kw_only=True, slots=True)
class ScheduleConfig:
    """The course of the learning rate."""

    name: ScheduleName = "constant"  # runs are cut short and prolonged: nothing to decay towards
    warmup_steps: int = 0
    min_lr_rate: float | None = None  # lowest share of the rate: cosine_with_min_lr, …stable_decay
    cycles: int | None = None  # of cosine_with_restarts
    decay_steps: int | None = None  # of warmup_stable_decay, at the end of the run

    def __post_init__(self) -> None:
        where, name = "schedule.", self.name
        check_fields(self, where)
        not_negative(self, where, "warmup_steps")
        if name == "constant" and self.warmup_steps:
            raise UserError(
                "schedule.warmup_steps does nothing with schedule constant: use "
                "constant_with_warmup"
            )
        if name in ("constant_with_warmup", "inverse_sqrt") and not self.warmup_steps:
            raise UserError(f"schedule.name {name} needs schedule.warmup_steps")
        users = {
            "min_lr_rate": ("cosine_with_min_lr", "warmup_stable_decay"),
            "cycles": ("cosine_with_restarts",),
            "decay_steps": ("warmup_stable_decay",),
        }
        for field_name, names in users.items():
            value = getattr(self, field_name)
            if value is not None and name not in names:
                raise UserError(
                    f"schedule.{field_name} does nothing with schedule {name}; it is for "
                    f"{', '.join(names)}"
                )
        needs = {
            "cosine_with_min_lr": "min_lr_rate",
            "cosine_with_restarts": "cycles",
            "warmup_stable_decay": "decay_steps",
        }
        if name in needs and getattr(self, needs[name]) is None:
            raise UserError(f"schedule.name {name} needs schedule.{needs[name]}")
        if self.min_lr_rate is not None and not 0 <= self.min_lr_rate <= 1:
            raise UserError(f"schedule.min_lr_rate must be in [0, 1], not {self.min_lr_rate}")
        for count in ("cycles", "decay_steps"):
            if getattr(self, count) is not None:
                positive(self, where, count)

    @property
    def kwargs(self) -> dict[str, float]:
        """What transformers' schedule of that name is told beside the warm-up."""
        if self.name == "cosine_with_min_lr":
            return {"min_lr_rate": self.min_lr_rate or 0.0}
        if self.name == "cosine_with_restarts":
            return {"num_cycles": self.cycles or 1}
        if self.name == "warmup_stable_decay":
            decay = self.decay_steps or 1
            return {"num_decay_steps": decay, "min_lr_ratio": self.min_lr_rate or 0.0}
        return {}
