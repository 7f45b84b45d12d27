"""The settings of the data: which tasks a run trains on, how long they may be, what is measured."""

from dataclasses import dataclass

from arcbench.errors import UserError
from arcbench.training.config_build import check_fields
from arcbench.training.config_grpo import changed, not_negative, positive


@dataclass(frozen=True, kw_only=True, slots=True)
class DataConfig:
    """The tasks to train on, and how each is varied."""

    dataset: str = "arc-agi-1"
    split: str | None = "training"  # None: all splits
    tasks: tuple[str, ...] = ()  # only these; empty: all
    augment: bool = True  # symmetries, colours and pair order, drawn anew for every prompt
    keep_black: bool = True  # augmentation leaves colour 0 alone

    def __post_init__(self) -> None:
        check_fields(self, "data.")
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
        check_fields(self, "lengths.")
        positive(self, "lengths.", "max_prompt_tokens", "max_completion_tokens")

    @property
    def total(self) -> int:
        """The longest prompt with the longest completion."""
        return self.max_prompt_tokens + self.max_completion_tokens


@dataclass(frozen=True, kw_only=True, slots=True)
class MeasureConfig:
    """Samples of the trained tasks before and after, with the same seeds; 0 samples: none."""

    samples: int = 0  # completions a task
    temperature: float = 0.8  # as BARC's models are sampled
    seed: int = 1

    def __post_init__(self) -> None:
        check_fields(self, "measure.")
        not_negative(self, "measure.", "samples", "temperature")
        if not self.samples and (useless := changed(self, "temperature", "seed")):
            raise UserError(f"measure.{useless[0]} does nothing with measure.samples 0")
