"""The policy of a training run: its model, its adapter, the wording of its prompts."""

from dataclasses import dataclass
from typing import Literal

from arcbench.errors import UserError
from arcbench.training.config_build import check_fields
from arcbench.training.config_grpo import positive


@dataclass(frozen=True, kw_only=True, slots=True)
class LoraConfig:
    """Train low-rank adapters instead of all weights."""

    rank: int = 16  # 1 to 32 are as good for RL (LoRA without regret)
    alpha: float = 32.0  # the update is scaled by alpha / rank
    dropout: float = 0.0  # above 0 the trainer's log-probabilities are not the sampler's
    target_modules: str = "all-linear"  # or a comma-separated list of module names

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


@dataclass(frozen=True, kw_only=True, slots=True)
class PolicyConfig:
    """The model to train and the wording of its prompts."""

    model: str = "embedded"  # embedded, a folder, or a hub id
    template: str = "arcbench"  # a template's name or TOML file
    lora: LoraConfig | None = None  # None: all weights are trained
    quantization: Literal["none", "4bit"] = "none"  # of the weights below an adapter (QLoRA)

    def __post_init__(self) -> None:
        check_fields(self, "policy.")
        if self.quantization == "4bit" and self.lora is None:
            raise UserError(
                "policy.quantization 4bit needs policy.lora: weights of 4 bits cannot be trained"
            )
