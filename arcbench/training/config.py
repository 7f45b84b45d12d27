"""Everything that a training run is told: a typed tree, checked when built, that JSON carries."""

import re
from collections.abc import Mapping
from dataclasses import MISSING, asdict, dataclass, field, fields, is_dataclass, replace
from pathlib import Path
from types import NoneType, UnionType
from typing import Any, Literal, Union, get_args, get_origin, get_type_hints

from arcbench.errors import UserError, unknown
from arcbench.rewards import RewardScheme, scheme

Scale = Literal["group", "batch", "none"]
LossType = Literal["dapo", "grpo", "dr_grpo", "bnpo"]
Schedule = Literal["constant", "constant_with_warmup", "linear", "cosine"]


def _positive(config: Any, *names: str) -> None:
    for name in names:
        if not getattr(config, name) > 0:
            raise UserError(f"{name} must be positive, not {getattr(config, name)!r}")


@dataclass(frozen=True, kw_only=True, slots=True)
class LoraConfig:
    """Train low-rank adapters instead of all weights."""

    rank: int = 16
    alpha: float = 32.0  # the update is scaled by alpha / rank
    dropout: float = 0.0
    target_modules: str = "all-linear"  # or a comma-separated list of module names

    def __post_init__(self) -> None:
        _positive(self, "rank", "alpha")


@dataclass(frozen=True, kw_only=True, slots=True)
class PolicyConfig:
    """The model to train and the wording of its prompts."""

    model: str = "embedded"  # embedded, a folder, or a hub id
    template: str = "arcbench"  # a template's name or TOML file
    lora: LoraConfig | None = None  # None: all weights are trained


@dataclass(frozen=True, kw_only=True, slots=True)
class DataConfig:
    """The tasks to train on, and how each is varied."""

    dataset: str = "arc-agi-1"
    split: str | None = "training"  # None: all splits
    tasks: tuple[str, ...] = ()  # only these; empty: all
    augment: bool = True  # symmetries, colours and pair order, drawn anew for every prompt
    keep_black: bool = True  # augmentation leaves colour 0 alone

    def __post_init__(self) -> None:
        if len(set(self.tasks)) != len(self.tasks):
            raise UserError("data.tasks names a task twice")
        if not self.augment and not self.keep_black:
            raise UserError("data.keep_black = false does nothing with data.augment = false")


@dataclass(frozen=True, kw_only=True, slots=True)
class LengthConfig:
    """Limits in tokens."""

    max_prompt_tokens: int = 4096  # tasks with longer prompts are left out
    max_completion_tokens: int = 96  # programs of the embedded policy have 20 to 60

    def __post_init__(self) -> None:
        _positive(self, "max_prompt_tokens", "max_completion_tokens")


@dataclass(frozen=True, kw_only=True, slots=True)
class RolloutSampling:
    """How completions are drawn for training."""

    temperature: float = 1.0  # the loss assumes the policy's own distribution
    top_p: float = 1.0
    top_k: int = 0  # 0: off

    def __post_init__(self) -> None:
        _positive(self, "temperature")
        if not 0 < self.top_p <= 1:
            raise UserError(f"sampling.top_p must be in (0, 1], not {self.top_p}")
        if self.top_k < 0:
            raise UserError(f"sampling.top_k must be >= 0, not {self.top_k}")


@dataclass(frozen=True, kw_only=True, slots=True)
class GrpoConfig:
    """The algorithm; the names of the fields are TRL's."""

    num_generations: int = 8  # completions a prompt: the group
    prompts_per_step: int = 1
    micro_batch: int = 0  # completions in one forward pass; 0: a whole step at once
    learning_rate: float = 1e-4  # for the embedded policy; LoRA on 8B: 1e-6 to 1e-5
    schedule: Schedule = "constant"
    warmup_steps: int = 0
    weight_decay: float = 0.0
    max_grad_norm: float = 1.0
    beta: float = 0.0  # weight of the KL to the start policy; 0 keeps no reference model
    loss_type: LossType = "dapo"  # a mean over all tokens of the step, so length earns nothing
    scale_rewards: Scale = "group"  # what advantages are divided by the deviation of
    epsilon: float = 0.2
    epsilon_high: float | None = 0.28  # above epsilon: rare tokens may grow (DAPO)
    mask_truncated_completions: bool = False

    def __post_init__(self) -> None:
        _positive(self, "prompts_per_step", "learning_rate", "max_grad_norm", "epsilon")
        for name in ("warmup_steps", "weight_decay", "beta", "micro_batch"):
            if getattr(self, name) < 0:
                raise UserError(f"grpo.{name} must be >= 0, not {getattr(self, name)}")
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
        if self.epsilon_high is not None and self.epsilon_high < self.epsilon:
            raise UserError(
                f"grpo.epsilon_high {self.epsilon_high} is below epsilon {self.epsilon}"
            )
        if self.schedule == "constant" and self.warmup_steps:
            raise UserError(
                "grpo.warmup_steps does nothing with schedule constant: use constant_with_warmup"
            )

    @property
    def completions_per_step(self) -> int:
        """num_generations × prompts_per_step."""
        return self.num_generations * self.prompts_per_step


@dataclass(frozen=True, kw_only=True, slots=True)
class EngineConfig:
    """What writes the completions."""

    kind: Literal["transformers"] = "transformers"


@dataclass(frozen=True, kw_only=True, slots=True)
class SandboxConfig:
    """How programs are run."""

    workers: int | None = None  # None: one a core
    timeout_s: float = 2.0
    memory_mb: int = 1024

    def __post_init__(self) -> None:
        _positive(self, "timeout_s", "memory_mb")


@dataclass(frozen=True, kw_only=True, slots=True)
class MeasureConfig:
    """Samples of the trained tasks before and after, with the same seeds; 0 samples: none."""

    samples: int = 0  # completions a task
    temperature: float = 0.8
    seed: int = 1

    def __post_init__(self) -> None:
        if self.samples < 0:
            raise UserError(f"measure.samples must be >= 0, not {self.samples}")


@dataclass(frozen=True, kw_only=True, slots=True)
class TrainConfig:
    """A whole training run."""

    policy: PolicyConfig = PolicyConfig()
    data: DataConfig = DataConfig()
    lengths: LengthConfig = LengthConfig()
    sampling: RolloutSampling = RolloutSampling()
    reward: RewardScheme = field(default_factory=lambda: scheme("arc25-v2"))
    grpo: GrpoConfig = GrpoConfig()
    engine: EngineConfig = EngineConfig()
    sandbox: SandboxConfig = SandboxConfig()
    measure: MeasureConfig = MeasureConfig()
    steps: int = 1000
    checkpoint_every: int = 50  # steps
    keep_checkpoints: int = 2  # the newest ones; a kill may spoil the one being written
    device: Literal["auto", "cpu", "gpu"] = "auto"
    threads: int = 0  # of torch on a CPU; 0: torch's own choice
    report_to: tuple[str, ...] = ()  # trackio, wandb, tensorboard; the run folder is always written
    seed: int = 0

    def __post_init__(self) -> None:
        _positive(self, "steps", "checkpoint_every")
        if self.keep_checkpoints < 2:
            raise UserError(
                "keep_checkpoints must be at least 2: while one is written, only the other is "
                f"whole, not {self.keep_checkpoints}"
            )
        if self.grpo.schedule != "constant" and self.grpo.warmup_steps >= self.steps:
            raise UserError(
                f"grpo.warmup_steps {self.grpo.warmup_steps} must be below steps {self.steps}"
            )
        for name in self.report_to:
            if name not in TRACKERS:
                raise unknown("report_to", name, TRACKERS)
        low, high = self.reward.range
        if low >= high:
            raise UserError(
                f"reward {self.reward.name} gives {low} to everything: nothing can be learned"
            )

    @property
    def data_name(self) -> str:
        """A short name of the data set, fit for a file."""
        name = re.sub(r"[^A-Za-z0-9._-]+", "-", Path(self.data.dataset).stem).strip(".-")
        return name or "data"

    def to_dict(self) -> dict[str, Any]:
        """Plain JSON-able values; `from_dict` is the exact inverse."""
        plain: dict[str, Any] = _plain(asdict(self))
        return plain

    @classmethod
    def from_dict(cls, data: Mapping[str, Any]) -> "TrainConfig":
        """Build the tree; what is left out has its default.

        Raises UserError naming the field: unknown, of the wrong type, or contradicting another.
        `reward` may name a scheme and change single weights: {"name": "staged", "exact": 2}.
        """
        data = dict(data)
        if isinstance(data.get("reward"), str):
            data["reward"] = {"name": data["reward"]}
        if isinstance(data.get("reward"), Mapping) and "name" in data["reward"]:
            changes = {k: v for k, v in data["reward"].items() if k != "name"}
            base = asdict(scheme(str(data["reward"]["name"])))
            data["reward"] = {**base, **changes}
        built: TrainConfig = _build(cls, data, "")
        return built


TRACKERS = ("trackio", "wandb", "tensorboard")


def overfit_config(task_id: str, **changes: Any) -> TrainConfig:
    """One small task, not augmented: the smallest run in which learning shows.

    `changes` replace fields of the tree by name: steps, seed, or whole parts such as grpo.
    """
    base = TrainConfig(
        data=DataConfig(tasks=(task_id,), augment=False),
        # With 8 a task that is solved 1 time in 20 often gives no signal for a whole run.
        grpo=GrpoConfig(num_generations=16),
        measure=MeasureConfig(samples=32),
        steps=30,
        checkpoint_every=10,
    )
    return replace(base, **changes)


def _plain(value: Any) -> Any:
    if isinstance(value, dict):
        return {k: _plain(v) for k, v in value.items()}
    return [_plain(v) for v in value] if isinstance(value, tuple) else value


def _build(cls: Any, data: Any, where: str) -> Any:
    """An instance of the dataclass `cls` from plain values; `where` is its path in the tree."""
    if not isinstance(data, Mapping):
        raise UserError(f"config: {where or 'the whole'} must be an object, not {data!r}")
    hints = get_type_hints(cls)
    names = [f.name for f in fields(cls)]
    for key in data:
        if key not in names:
            raise unknown("config field", f"{where}{key}", [f"{where}{n}" for n in names])
    for f in fields(cls):
        if f.default is MISSING and f.default_factory is MISSING and f.name not in data:
            raise UserError(f"config: {where}{f.name} is missing")
    return cls(**{k: _value(hints[k], v, f"{where}{k}") for k, v in data.items()})


def _value(hint: Any, value: Any, where: str) -> Any:
    """`value` as the type `hint`; UserError where it is another one."""
    if is_dataclass(hint):
        return _build(hint, value, f"{where}.")
    origin, args = get_origin(hint), get_args(hint)
    if origin in (Union, UnionType):
        if value is None and NoneType in args:
            return None
        return _value(next(a for a in args if a is not NoneType), value, where)
    if origin is Literal:
        if value not in args:
            raise unknown(f"value of {where}", value, args)
        return value
    if origin is tuple:
        if not isinstance(value, list | tuple):
            raise UserError(f"config: {where} must be a list, not {value!r}")
        return tuple(_value(args[0], v, f"{where}[{i}]") for i, v in enumerate(value))
    if hint is float and type(value) is int:
        return float(value)
    if type(value) is not hint:
        raise UserError(f"config: {where} must be of type {hint.__name__}, not {value!r}")
    return value
