"""Everything that a training run is told: one typed tree, checked when built.

JSON, YAML, words on the command line and Python make the same tree. The algorithm, optimiser and
schedule are in `config_grpo`, the guard in `config_guard`, the data in `config_data`, the engines
in `config_engine`, the reading in `config_build`.
"""

import re
from collections.abc import Iterable, Mapping
from dataclasses import asdict, dataclass, field, fields, replace
from pathlib import Path
from typing import Any, Literal

from arcbench.errors import UserError, unknown
from arcbench.rewards import RewardScheme, scheme
from arcbench.training.config_build import build, check_fields, read_settings, with_changes
from arcbench.training.config_data import BEFORE, DataConfig, LengthConfig, MeasureConfig
from arcbench.training.config_engine import (
    EngineConfig,
    ImportanceCorrection,
    SyncConfig,
    TransformersEngine,
    VllmAdapters,
    VllmColocate,
    VllmServer,
)
from arcbench.training.config_grpo import (
    EntropyBonus,
    GrpoConfig,
    OptimizerConfig,
    ReferenceSync,
    Scale,
    ScheduleConfig,
    changed,
    not_negative,
    positive,
)
from arcbench.training.config_guard import GuardConfig
from arcbench.training.config_policy import LoraConfig, PolicyConfig

__all__ = [
    "DataConfig", "EngineConfig", "EntropyBonus", "GrpoConfig", "GuardConfig",
    "ImportanceCorrection", "LengthConfig", "LoraConfig", "MeasureConfig",
    "OptimizerConfig", "PolicyConfig", "ReferenceSync", "RolloutSampling", "SandboxConfig",
    "Scale", "ScheduleConfig", "SyncConfig", "TrackingConfig", "TrainConfig",
    "TransformersEngine", "VllmAdapters", "VllmColocate", "VllmServer", "overfit_config",
]  # fmt: skip

TRACKERS = ("trackio", "wandb", "tensorboard")


@dataclass(frozen=True, kw_only=True, slots=True)
class RolloutSampling:
    """How completions are drawn for training. The loss knows of the temperature only."""

    temperature: float = 1.0  # the policy's own distribution
    top_p: float = 1.0
    top_k: int = 0  # 0: off
    min_p: float = 0.0  # share of the likeliest token's probability; 0: off
    repetition_penalty: float = 1.0  # 1: off, because grids and programs must repeat themselves

    def __post_init__(self) -> None:
        where = "sampling."
        check_fields(self, where)
        positive(self, where, "temperature", "repetition_penalty")
        not_negative(self, where, "top_k")
        if not 0 < self.top_p <= 1:
            raise UserError(f"sampling.top_p must be in (0, 1], not {self.top_p}")
        if not 0 <= self.min_p < 1:
            raise UserError(f"sampling.min_p must be in [0, 1), not {self.min_p}")


@dataclass(frozen=True, kw_only=True, slots=True)
class SandboxConfig:
    """How programs are run."""

    workers: int | None = None  # None: one a core
    timeout_s: float = 2.0  # for all inputs of a program; honest ones need some ms
    memory_mb: int = 1024

    def __post_init__(self) -> None:
        check_fields(self, "sandbox.")
        positive(self, "sandbox.", "timeout_s", "memory_mb")
        if self.workers is not None:
            positive(self, "sandbox.", "workers")


@dataclass(frozen=True, kw_only=True, slots=True)
class TrackingConfig:
    """Who is told of a run beside its own folder, which is always written."""

    report_to: tuple[str, ...] = ()  # trackio, wandb, tensorboard
    project: str = "arcbench"  # of trackio and wandb

    def __post_init__(self) -> None:
        check_fields(self, "tracking.")
        for name in self.report_to:
            if name not in TRACKERS:
                raise unknown("tracking.report_to", name, TRACKERS)
        if changed(self, "project") and not {"trackio", "wandb"} & set(self.report_to):
            raise UserError("tracking.project does nothing without trackio or wandb in report_to")


@dataclass(frozen=True, kw_only=True, slots=True)
class TrainConfig:
    """A whole training run."""

    policy: PolicyConfig = field(default_factory=PolicyConfig)
    data: DataConfig = field(default_factory=DataConfig)
    lengths: LengthConfig = field(default_factory=LengthConfig)
    sampling: RolloutSampling = RolloutSampling()
    reward: RewardScheme = field(default_factory=lambda: scheme("arc25-v2"))
    grpo: GrpoConfig = field(default_factory=GrpoConfig)
    optimizer: OptimizerConfig = field(default_factory=OptimizerConfig)
    schedule: ScheduleConfig = field(default_factory=ScheduleConfig)
    engine: EngineConfig = field(default_factory=TransformersEngine)
    sync: SyncConfig = field(default_factory=SyncConfig)
    sandbox: SandboxConfig = SandboxConfig()
    measure: MeasureConfig = field(default_factory=MeasureConfig)
    tracking: TrackingConfig = TrackingConfig()
    guard: GuardConfig = field(default_factory=GuardConfig)
    steps: int = 1000  # of the optimiser
    # From the start of the process on: after the step at which they are over a run saves and ends
    # as at its last one. None: no limit.
    max_minutes: float | None = None
    checkpoint_every: int = 50  # steps
    keep_checkpoints: int = 2  # the newest ones; a kill may spoil the one being written
    device: Literal["auto", "cpu", "gpu"] = "auto"
    precision: Literal["auto", "bf16", "fp16", "fp32"] = "auto"  # bf16 on a GPU, fp32 on a CPU
    gradient_checkpointing: bool | None = None  # None: with an adapter on a GPU; spares memory
    threads: int = 0  # of torch on a CPU; 0: torch's own choice
    seed: int = 0

    def __post_init__(self) -> None:
        check_fields(self, "")
        positive(self, "", "steps", "checkpoint_every")
        not_negative(self, "", "threads", "seed")
        if self.keep_checkpoints < 2:
            raise UserError(
                "keep_checkpoints must be at least 2: while one is written, only the other is "
                f"whole, not {self.keep_checkpoints}"
            )
        if self.max_minutes is not None:
            positive(self, "", "max_minutes")
        if self.data.signal_from == BEFORE and not self.measure.samples:
            raise UserError(
                "data.signal_from = before needs measure.samples above 0: the samples of each task "
                "that it is chosen by"
            )
        low, high = self.reward.range
        if low >= high:
            raise UserError(
                f"reward {self.reward.name} gives {low} to everything: nothing can be learned"
            )
        self._check_steps()
        self._check_device()
        self._check_grpo()
        self._check_engine()

    def _check_steps(self) -> None:
        warmup, decay = self.schedule.warmup_steps, self.schedule.decay_steps or 0
        if warmup and warmup >= self.steps:
            raise UserError(f"schedule.warmup_steps {warmup} must be below steps {self.steps}")
        if warmup + decay > self.steps:
            raise UserError(
                f"schedule.warmup_steps {warmup} and decay_steps {decay} are more than steps "
                f"{self.steps}"
            )
        window = self.grpo.steps_per_sampling
        for name in ("steps", "checkpoint_every"):
            if getattr(self, name) % window:
                raise UserError(
                    f"{name} {getattr(self, name)} must be a multiple of {window}, the steps that "
                    "one sampling feeds (grpo.updates_per_generation × num_iterations): a run goes "
                    "on with whole samplings only"
                )

    def _check_device(self) -> None:
        if self.device != "cpu":
            return
        if self.precision == "fp16":
            raise UserError("precision fp16 needs a GPU; on a CPU use fp32 or bf16")
        if self.policy.quantization == "4bit":
            raise UserError("policy.quantization 4bit needs a GPU, and device is cpu")

    def _check_grpo(self) -> None:
        grpo = self.grpo
        if grpo.reference_sync is not None and self.policy.lora is not None:
            raise UserError(
                "grpo.reference_sync does not work with policy.lora: the reference is the model "
                "without its adapter, and cannot move"
            )
        on_policy = grpo.steps_per_sampling == 1 and self.engine.kind == "transformers"
        if grpo.off_policy_mask_threshold is not None and on_policy:
            raise UserError(
                "grpo.off_policy_mask_threshold does nothing here: with engine transformers, one "
                "update a generation and one iteration nothing is off policy"
            )

    def _check_engine(self) -> None:
        engine, policy = self.engine, self.policy
        if policy.unsloth:
            self._check_unsloth()
        if isinstance(engine, TransformersEngine):
            return
        if isinstance(engine, VllmColocate):
            longest = engine.max_model_tokens
            if longest is not None and longest < self.lengths.total:
                raise UserError(
                    f"engine.max_model_tokens {longest} is less than lengths.max_prompt_tokens "
                    f"{self.lengths.max_prompt_tokens} + max_completion_tokens "
                    f"{self.lengths.max_completion_tokens} = {self.lengths.total}"
                )
        if isinstance(engine, VllmAdapters) and policy.lora is None:
            raise UserError(
                "engine vllm-adapters sends adapters, and all weights are trained here: set "
                "policy.lora, or use engine vllm-server"
            )
        shared = policy.unsloth and isinstance(engine, VllmColocate)
        if policy.quantization == "4bit" and not shared:
            raise UserError(
                f"policy.quantization 4bit does not work with engine {engine.kind}: the engine's "
                "weights below the adapter would be others than those that are trained on; use "
                "engine transformers, or policy.unsloth with vllm-colocate, which share them"
            )
        self._check_correction(engine)

    def _check_unsloth(self) -> None:
        engine = self.engine
        if self.policy.lora is None:
            raise UserError("policy.unsloth needs policy.lora: its kernels are for adapters")
        if isinstance(engine, VllmServer):
            raise UserError(
                "policy.unsloth does not work with engine vllm-server: unsloth never sends its "
                "updates there, so that rewards stay flat whatever the learning rate; use "
                "vllm-colocate (fast inference) or vllm-adapters"
            )
        if isinstance(engine, TransformersEngine) and engine.continuous_batching:
            raise UserError(
                "engine.continuous_batching does not work with policy.unsloth, which brings its "
                "own generation"
            )

    def _check_correction(self, engine: VllmColocate | VllmServer | VllmAdapters) -> None:
        if engine.correction is None:
            return
        cut = changed(self.sampling, "top_p", "top_k", "min_p", "repetition_penalty")
        if cut:
            raise UserError(
                f"sampling.{cut[0]} {getattr(self.sampling, cut[0])} makes the importance "
                f"correction of engine {engine.kind} wrong: the engine counts probabilities after "
                "it and the trainer before; leave it off, or set engine.correction = null"
            )
        if self.grpo.loss_type == "vespo" and not engine.correction.mode.startswith("token"):
            raise UserError(
                "grpo.loss_type vespo needs engine.correction.mode token_truncate or token_mask, "
                f"not {engine.correction.mode}"
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
        reward = data.get("reward")
        whole = {f.name for f in fields(RewardScheme)}
        if isinstance(reward, Mapping) and "name" in reward and not whole <= set(reward):
            data["reward"] = {**asdict(scheme(str(reward["name"]))), **reward}
        built: TrainConfig = build(cls, data)
        return built

    @classmethod
    def load(cls, path: Path | None = None, changes: Iterable[str] = ()) -> "TrainConfig":
        """From a JSON or YAML file (None: the defaults) and words like grpo.learning_rate=1e-5."""
        return cls.from_dict(with_changes({} if path is None else read_settings(path), changes))


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
