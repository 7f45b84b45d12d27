"""The settings of expert iteration beside those that it shares with GRPO."""

from collections.abc import Mapping
from dataclasses import asdict, dataclass, fields, replace
from typing import Any, Literal

from arcbench.errors import UserError, unknown
from arcbench.training.config import TrainConfig
from arcbench.training.config_build import build, check_fields
from arcbench.training.config_grpo import not_negative, positive

Choice = Literal["drawn", "rarest"]


@dataclass(frozen=True, kw_only=True, slots=True)
class ExpertConfig:
    """A round: sample tasks, keep the programs that are right on all train pairs, fine-tune.

    Policy, data, lengths, sampling, sandbox, measurements, time limit, device and seed are those of
    a TrainConfig.
    """

    rounds: int = 1000
    tasks: int = 0  # of the data set a round; 0: all
    synthetic: int = 0  # procedural tasks beside them, new ones each round
    samples: int = 16  # programs a task and round
    keep: int = 4  # right programs of a task that are learned from, at most
    # Which they are. drawn: as they were drawn, repeated ones too, so that what the policy is sure
    # of it becomes surer of; rarest: different ones, the rarest first, so that it stays various.
    choice: Choice = "drawn"
    epochs: int = 1  # over what a round kept
    batch: int = 32  # programs an optimiser step
    micro_batch: int = 0  # programs in one forward pass; 0: grpo.micro_batch, or the whole batch
    learning_rate: float = 1e-4

    def __post_init__(self) -> None:
        check_fields(self, "expert.")
        positive(self, "expert.", "rounds", "samples", "keep", "epochs", "batch", "learning_rate")
        not_negative(self, "expert.", "tasks", "synthetic", "micro_batch")
        if self.micro_batch and self.batch % self.micro_batch:
            raise UserError(
                f"expert.batch {self.batch} must be a multiple of expert.micro_batch "
                f"{self.micro_batch}"
            )

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

    def resolved(self, config: TrainConfig) -> "ExpertConfig":
        """The same with the number of programs in a forward pass; UserError where none divides."""
        micro = self.micro_batch or config.grpo.micro_batch or self.batch
        return replace(self, micro_batch=min(micro, self.batch))
