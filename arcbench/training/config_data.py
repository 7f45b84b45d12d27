"""The settings of the data: which tasks a run trains on, how long they may be, what is measured."""

from dataclasses import dataclass
from typing import Literal

from arcbench.errors import UserError
from arcbench.parts import Part, check_part
from arcbench.training.config_build import check_fields
from arcbench.training.config_grpo import changed, not_negative, positive

Order = Literal["shuffled", "shortest-first"]
Weights = Literal["equal", "signal", "unsolved"]
BEFORE = "before"  # as data.signal_from: what the run itself measures before training


@dataclass(frozen=True, kw_only=True, slots=True)
class DataConfig:
    """The tasks to train on, in which order and how often they come, and how each is varied."""

    dataset: str = "arc-agi-1"
    split: str | None = "training"  # None: all splits
    tasks: tuple[str, ...] = ()  # only these; empty: all
    part: Part = "all"  # train: without the third that is held out (arcbench.parts)
    order: Order = "shuffled"  # shortest-first: the first round by prompt tokens, then shuffled
    # Pass rates: a file of arcbench judge, an eval/*.json, an evaluation's folder; or "before": the
    # run measures them itself, with measure.samples of each task.
    signal_from: str | None = None
    min_signal: float = 0.1  # least chance that a task's group has a signal; less is left out
    weights: Weights = "equal"  # how often a task comes: by its chance of a signal, or by 1 − p
    augment: bool = True  # drawn anew for every prompt, of the kinds below
    symmetries: bool = True  # the 8 of a square
    colors: bool = True  # permuted
    keep_black: bool = True  # colour 0 stays itself: it is the background of most tasks
    pair_order: bool = True  # train pairs shuffled

    def __post_init__(self) -> None:
        check_fields(self, "data.")
        if len(set(self.tasks)) != len(self.tasks):
            raise UserError("data.tasks names a task twice")
        check_part(self.part, self.tasks, "data.")
        if not 0 <= self.min_signal < 1:
            raise UserError(f"data.min_signal must be in [0, 1), not {self.min_signal}")
        self._check_rates()
        self._check_augmentation()

    def _check_rates(self) -> None:
        if self.signal_from is None:
            if useless := changed(self, "min_signal", "weights"):
                raise UserError(
                    f"data.{useless[0]} needs pass rates: name a file of arcbench judge, an "
                    "eval/*.json of a run folder or the folder of an evaluation in "
                    "data.signal_from, or let the run measure them: data.signal_from = before"
                )
        elif not self.min_signal and self.weights == "equal":
            raise UserError(
                "data.signal_from does nothing with data.min_signal 0 and data.weights equal"
            )

    def _check_augmentation(self) -> None:
        kinds = ("symmetries", "colors", "pair_order")
        if not self.augment:
            if off := changed(self, *kinds, "keep_black"):
                raise UserError(f"data.{off[0]} = false does nothing with data.augment = false")
        elif not any(getattr(self, kind) for kind in kinds):
            raise UserError(f"data.augment with none of {', '.join(kinds)}: set it to false")
        elif not self.colors and not self.keep_black:
            raise UserError("data.keep_black = false does nothing with data.colors = false")


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
