"""The policy of a training run: its model, its adapter, the wording of its prompts."""

from dataclasses import dataclass, fields
from pathlib import Path
from typing import Literal

from arcbench.errors import UserError
from arcbench.policies.adapter import Adapter
from arcbench.policies.sources import adapter_folder, pinned
from arcbench.training.config_build import check_fields
from arcbench.training.config_grpo import positive

ALL_LINEAR = "all-linear"


@dataclass(frozen=True, kw_only=True, slots=True)
class LoraConfig:
    """Train low-rank adapters instead of all weights."""

    rank: int = 16  # 1 to 32 are as good for RL (LoRA without regret)
    alpha: float = 32.0  # the update is scaled by alpha / rank
    dropout: float = 0.0  # above 0 the trainer's log-probabilities are not the sampler's
    target_modules: str = ALL_LINEAR  # or a comma-separated list of module names

    def __post_init__(self) -> None:
        where = "policy.lora."
        check_fields(self, where)
        positive(self, where, "rank", "alpha")
        if not 0 <= self.dropout < 1:
            raise UserError(f"{where}dropout must be in [0, 1), not {self.dropout}")
        if not all(name.strip() for name in self.target_modules.split(",")):
            raise UserError(
                f"{where}target_modules must be all-linear or names with commas between, not "
                f"{self.target_modules!r}"
            )

    @property
    def module_names(self) -> frozenset[str]:
        """The target modules one by one."""
        return frozenset(name.strip() for name in self.target_modules.split(","))


@dataclass(frozen=True, kw_only=True, slots=True)
class PolicyConfig:
    """The model to train and the wording of its prompts.

    A run named as `model` or `adapter` is replaced by its newest whole checkpoint, so that the
    settings of a run mean the same weights for ever.
    """

    model: str = "embedded"  # embedded, barc, a folder, a hub id, or a run that trained all weights
    template: str = "arcbench"  # a template's name or TOML file
    lora: LoraConfig | None = None  # None: all weights are trained
    adapter: str | None = None  # to go on with: its folder, or a run's; it brings its own `lora`
    quantization: Literal["none", "4bit"] = "none"  # of the weights below an adapter (QLoRA)
    # Load and train with unsloth's kernels: an adapter on one NVIDIA GPU learns faster, in less
    # memory. With engine vllm-colocate the engine shares the frozen weights (fast inference).
    unsloth: bool = False

    def __post_init__(self) -> None:
        check_fields(self, "policy.")
        object.__setattr__(self, "model", pinned(self.model))
        if self.adapter is not None:
            self._take_adapter(self.adapter)
        if self.quantization == "4bit" and self.lora is None:
            raise UserError(
                "policy.quantization 4bit needs policy.lora: weights of 4 bits cannot be trained"
            )

    def _take_adapter(self, spec: str) -> None:
        """Take `lora` from the adapter's files; UserError where it says something else."""
        if self.lora is not None and not Path(spec).exists():
            return  # settings of an old run can be read although its first adapter is gone
        found = Adapter.read(adapter_folder(spec))
        object.__setattr__(self, "adapter", str(found.folder))
        own = LoraConfig(
            rank=found.rank,
            alpha=found.alpha,
            dropout=found.dropout,
            target_modules=",".join(found.modules),
        )
        if self.lora is None:
            object.__setattr__(self, "lora", own)
            return
        for name in (f.name for f in fields(LoraConfig)):
            said, true = getattr(self.lora, name), getattr(own, name)
            same = said == true
            if name == "target_modules":
                # Whether these are all can be told from the model only: see `check_adapter`.
                same = said == ALL_LINEAR or self.lora.module_names == own.module_names
            if not same:
                raise UserError(
                    f"policy.lora.{name} {said} contradicts the {true} of policy.adapter "
                    f"{found.folder}: leave policy.lora out, an adapter brings its own"
                )
