"""The settings of expert iteration beside those that it shares with GRPO."""

from collections.abc import Mapping
from dataclasses import asdict, dataclass, fields
from typing import Any

from arcbench.errors import UserError, unknown
from arcbench.training.config import TrainConfig
from arcbench.training.config_build import build
from arcbench.training.config_grpo import not_negative, positive


@dataclass(frozen=True, kw_only=True, slots=True)
class ExpertConfig:
    """A round: sample tasks, keep the programs that are right on all train pairs, fine-tune.

    Policy, data, lengths, sampling, sandbox, measurements, time limit, device and seed are those of
    a TrainConfig; grpo.micro_batch is the number of programs in one forward pass.
    """

    rounds: int = 1000
    tasks: int = 0  # of the data set a round; 0: all
    synthetic: int = 0  # procedural tasks beside them, new ones each round
    samples: int = 16  # programs a task and round
    keep: int = 4  # different right programs of a task that are learned from, at most
    epochs: int = 1  # over what a round kept
    batch: int = 32  # programs an optimiser step
    learning_rate: float = 1e-4

    def __post_init__(self) -> None:
        positive(self, "expert.", "rounds", "samples", "keep", "epochs", "batch", "learning_rate")
        not_negative(self, "expert.", "tasks", "synthetic")

    def to_dict(self) -> dict[str, Any]:
        """Plain JSON-able values; `from_dict` is the exact inverse."""
        return asdict(self)

    @classmethod
    def from_dict(cls, data: Mapping[str, Any]) -> "ExpertConfig":
        """Build it; UserError for an unknown field or a wrong value."""
        names = [f.name for f in fields(cls)]
        for name in data:
            if name not in names:
                raise unknown("setting of expert iteration", name, names)
        built: ExpertConfig = build(cls, data, "expert.")
        return built

    def check_with(self, config: TrainConfig) -> None:
        """UserError for shared settings that expert iteration has no use for."""
        if config.policy.lora is not None:
            raise UserError("expert iteration trains all weights: leave policy.lora out")
        if config.engine.kind != "transformers":
            raise UserError(
                f"expert iteration samples with its own model: engine {config.engine.kind} is for "
                "arcbench train"
            )
        micro = config.grpo.micro_batch
        if micro and self.batch > micro and self.batch % micro:
            raise UserError(
                f"expert.batch {self.batch} must be a multiple of grpo.micro_batch {micro}"
            )

    def micro_batch(self, config: TrainConfig) -> int:
        """Programs in one forward pass."""
        return min(config.grpo.micro_batch or self.batch, self.batch)
